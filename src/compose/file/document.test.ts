import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCompose, without, type ComposeDocument } from "./document.ts";
import { placeOf } from "./places.ts";

const none: ComposeDocument = { content: {}, places: new Map(), amendments: [] };

test("parseCompose: anchors, merge keys, extensions", () => {
  const [{ content } = none] = parseCompose(
    `x-common: &common
  image: a
  environment: &env
    A: 1
services:
  one:
    <<: *common
  two:
    <<: [*common]
    image: b
    environment:
      <<: *env
      B: yes
`,
    "compose.yaml",
  );
  assert.deepEqual(content["services"], {
    one: { image: "a", environment: { A: 1 } },
    two: { image: "b", environment: { A: 1, B: "yes" } },
  });
});

test("parseCompose: what amends earlier files is told with its place", () => {
  const [{ content, amendments } = none] = parseCompose(
    `services:
  web:
    image: !reset null
    ports: !override
      - "80"
    environment: !override
      A: b
    labels: !reset {}
`,
    "compose.yaml",
  );
  const web = { ports: ["80"], environment: { A: "b" } };
  assert.deepEqual(content, { services: { web } });
  assert.deepEqual(
    amendments.map((it) => `${it.kind} ${it.path.join(".")}`),
    [
      "reset services.web.image",
      "override services.web.ports",
      "override services.web.environment",
      "reset services.web.labels",
    ],
  );
});

test("parseCompose: places of keys and of values in lists; what is copied has its user's", () => {
  const text = `x: &x
  image: i
services:
  web:
    <<: *x
    ports:
      - "80"
      - 81
---
services: {db: {image: i}}
`;
  const [{ places } = none, second = none] = parseCompose(text, "compose.yaml");
  const at = (path: string) => placeOf(places, path);
  assert.equal(at("services.web"), "4:3");
  assert.equal(at("services.web.ports[1]"), "8:9");
  assert.equal(at("services.web.ports[1].target"), "8:9");
  assert.equal(at("services.web.image"), "4:3");
  assert.equal(at("nowhere"), undefined);
  assert.equal(placeOf(second.places, "services.db.image"), "10:17");
});

test("parseCompose: whole numbers with a zero in front are octal", () => {
  const [{ content } = none] = parseCompose("a: 0440\nb: 0o440\nc: 440\nd: '0440'\ne: 09", "f");
  assert.deepEqual(content, { a: 288, b: 288, c: 440, d: "0440", e: 9 });
});

const laughs = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"];
for (let i = 1; i < 12; i++) {
  laughs.push(`a${i}: &a${i} [${Array.from({ length: 9 }, () => `*a${i - 1}`).join(",")}]`);
}

const refused: readonly (readonly [text: string, message: RegExp])[] = [
  ["a: [", /^compose\.yaml:\d+:\d+: /],
  ["a: 1\n b: 2", /^compose\.yaml:2:\d+: /],
  ["a: 1\na: 2", /^compose\.yaml:2:\d+: .*duplicate/i],
  ["", /^compose\.yaml: .*empty/],
  ["- a", /top-level object must be a mapping/],
  ["a: !unknown b", /^compose\.yaml:1:\d+: /],
  [laughs.join("\n"), /more than 200000 values/],
];

for (const [text, message] of refused) {
  test(`parseCompose refuses ${JSON.stringify(text.slice(0, 30))}`, () => {
    assert.throws(() => parseCompose(text, "compose.yaml"), { message });
  });
}

test("without: a path that is not there changes nothing", () => {
  const object = { a: { b: 1, c: [1] } };
  assert.deepEqual(without(object, ["a", "b"]), { a: { c: [1] } });
  assert.deepEqual(without(object, ["a", "x", "y"]), object);
  assert.deepEqual(without(object, ["a", "c", "0"]), object);
});
