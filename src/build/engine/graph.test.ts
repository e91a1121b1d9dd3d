import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDockerfile } from "#build/dockerfile/dockerfile.ts";
import { DockerfileError } from "#build/dockerfile/location.ts";
import { globalArgs } from "./global-args.ts";
import { planStages } from "./graph.ts";
import { contextName, type NamedContext, type NamedContexts } from "./named-contexts.ts";

const platform = { os: "linux", architecture: "amd64" };

function plan(
  text: string,
  target?: string,
  args: readonly (readonly [string, string])[] = [],
  contexts: NamedContexts = new Map(),
): string {
  const dockerfile = parseDockerfile(text);
  const values = globalArgs(dockerfile, new Map(args), platform, target);
  const { stages, needed } = planStages(
    dockerfile,
    { globalArgs: values, platform },
    target,
    contexts,
  );
  const names = needed.map((index) => {
    const base = stages[index]?.base;
    const from =
      base?.kind === "stage" ? base.index : base?.kind === "image" ? base.reference : "scratch";
    return `${index}<${from}`;
  });
  return names.join(" ");
}

const three = "FROM a AS one\nFROM b AS two\nFROM scratch\nCOPY --from=one /x /x";

const cases: readonly (readonly [text: string, target: string | undefined, want: string])[] = [
  ["FROM a", undefined, "0<a"],
  [three, undefined, "0<a 2<scratch"],
  [three, "two", "1<b"],
  [three, "ONE", "0<a"],
  [three, "0", "0<a"],
  ["FROM a AS x\nFROM x AS y\nFROM y", undefined, "0<a 1<0 2<1"],
  ["FROM a AS a\nFROM a", undefined, "0<a 1<0"],
  ["FROM a AS x\nFROM b\nRUN --mount=from=x,target=/x true", undefined, "0<a 1<b"],
  ["FROM a\nFROM b\nCOPY --from=0 /x /x", undefined, "0<a 1<b"],
  ["FROM a\nCOPY --from=busybox /x /x", undefined, "0<a"],
  ["ARG v=1\nARG i=img:$v\nFROM $i", undefined, "0<img:1"],
  ["FROM a:${none:-2}", undefined, "0<a:2"],
  ["FROM --platform=$BUILDPLATFORM a-$TARGETARCH", undefined, "0<a-amd64"],
];

for (const [text, target, want] of cases) {
  test(`planStages: ${JSON.stringify(text)} for ${target ?? "the last"} needs ${want}`, () => {
    assert.equal(plan(text, target), want);
  });
}

test("planStages: named contexts go before stages and images", () => {
  const files = { kind: "files", files: () => assert.fail("not opened") } as const;
  const contexts: NamedContexts = new Map<string, NamedContext>([
    [contextName("docker.io/library/a:latest"), { kind: "image", reference: "other:1" }],
    [contextName("one"), files],
  ]);
  assert.equal(plan("FROM a AS two\nFROM two", undefined, [], contexts), "0<other:1 1<0");
  assert.equal(plan(three, undefined, [], contexts), "2<scratch");
});

test("contextName: images by their short names, stages as they are", () => {
  const names = ["Alpine", "alpine:latest", "docker.io/library/alpine", "a:1", "UPPER--x"];
  assert.deepEqual(names.map(contextName), ["alpine", "alpine", "alpine", "a:1", "upper--x"]);
});

test("planStages: --build-arg overrides global arguments", () => {
  assert.equal(plan("ARG v=1\nFROM a:$v", undefined, [["v", "2"]]), "0<a:2");
});

const faults: readonly (readonly [
  text: string,
  target: string | undefined,
  line: number,
  want: RegExp,
])[] = [
  ["FROM $none", undefined, 1, /should not be blank/],
  ["FROM --platform=$none a", undefined, 1, /empty platform value from expression \$none/],
  ["FROM --platform=a/b/c/d a", undefined, 1, /expected os\/architecture/],
  ["FROM a AS one", "oen", 1, /could not be found \(did you mean one\?\)/],
  ["FROM a\nCOPY --from=0 /x /x", undefined, 2, /no stage of that number/],
  ["FROM a AS x\nCOPY --from=x /x /x", undefined, 2, /needs to be defined before/],
  [
    "FROM a\nCOPY --from=later /x /x\nFROM b AS later\nCOPY --from=0 / /",
    undefined,
    2,
    /needs to be defined before/,
  ],
  ["FROM a\nCOPY --from=$x /x /x", undefined, 2, /not supported for --from/],
];

for (const [text, target, line, want] of faults) {
  test(`planStages: ${JSON.stringify(text)} is refused`, () => {
    assert.throws(
      () => plan(text, target),
      (error) =>
        error instanceof DockerfileError && error.lines.start === line && want.test(error.message),
    );
  });
}
