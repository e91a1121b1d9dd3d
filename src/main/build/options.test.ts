import assert from "node:assert/strict";
import { test } from "node:test";
import {
  parseAnnotations,
  parseBuildContext,
  parseBytes,
  parseEpoch,
  parseHost,
  parseOutput,
  parsePairs,
  parseSecret,
  parseSsh,
  refuseAttestation,
  type Output,
} from "./options.ts";

const outputs: readonly (readonly [text: string, want: Output])[] = [
  ["type=oci,dest=a.tar", { type: "oci", destination: "a.tar", unpacked: false }],
  ["type=oci,dest=a,tar=false", { type: "oci", destination: "a", unpacked: true }],
  ["type=registry", { type: "registry", destination: "", unpacked: false }],
  ["out", { type: "local", destination: "out", unpacked: false }],
  ["-", { type: "tar", destination: "-", unpacked: false }],
];

for (const [text, want] of outputs) {
  test(`parseOutput: ${text}`, () => {
    assert.deepEqual(parseOutput(text), want);
  });
}

test("parseOutput: refuses what is not said in full, or not known", () => {
  assert.throws(() => parseOutput("type=zip"), /expected type= one of/);
  assert.throws(() => parseOutput("type=oci"), /expected dest=/);
  assert.throws(() => parseOutput("type=local,dest=x,tar=false"), /tar=false is for/);
});

test("parseAnnotations, refuseAttestation: what an image here can have", () => {
  const pairs = parseAnnotations(["a=b=c", "manifest:d=e", "manifest[linux/amd64]:f="]);
  assert.deepEqual(
    [...pairs],
    [
      ["a", "b=c"],
      ["d", "e"],
      ["f", ""],
    ],
  );
  assert.throws(() => parseAnnotations(["index:a=b"]), /expected manifest:/);
  assert.throws(() => parseAnnotations(["a"]), /expected key=value/);
  refuseAttestation("sbom", "false");
  assert.throws(() => {
    refuseAttestation("provenance", "mode=max");
  }, /attestations are not made/);
});

test("parseSecret: from files and variables", () => {
  assert.deepEqual(parseSecret("id=k,src=f"), { id: "k", file: "f", variable: undefined });
  assert.deepEqual(parseSecret("id=k,env=V"), { id: "k", file: undefined, variable: "V" });
  assert.deepEqual(parseSecret("type=env,id=k"), { id: "k", file: undefined, variable: "k" });
  assert.throws(() => parseSecret("src=f"), /expected id=/);
});

test("parsePairs: a name alone takes its value from the environment", () => {
  const pairs = parsePairs(["a=1=2", "b", "c"], (name) => (name === "b" ? "env" : undefined));
  assert.deepEqual(
    [...pairs],
    [
      ["a", "1=2"],
      ["b", "env"],
    ],
  );
});

test("parseBytes, parseEpoch, parseSsh", () => {
  assert.equal(parseBytes("1.5k"), 1536);
  assert.equal(parseBytes("10GiB"), 10 * 2 ** 30);
  assert.throws(() => parseBytes("lots"));
  assert.equal(parseEpoch("12"), 12);
  assert.equal(parseEpoch(undefined), undefined);
  assert.throws(() => parseEpoch("today"), /seconds since 1970/);
  assert.deepEqual(parseSsh("default"), { id: "default", socket: undefined });
  assert.deepEqual(parseSsh("a=/s"), { id: "a", socket: "/s" });
});

test("parseHost: lines of /etc/hosts", () => {
  const given = ["db=10.0.0.1", "db:10.0.0.1", "six=::1", "six=[::1]", "me:host-gateway"];
  const want = ["10.0.0.1\tdb", "10.0.0.1\tdb", "::1\tsix", "::1\tsix", "127.0.0.1\tme"];
  assert.deepEqual(given.map(parseHost), want);
  for (const text of ["db", "db=", "db=name", "=1.2.3.4", "a\nb=1.2.3.4"]) {
    assert.throws(() => parseHost(text), /expected host=address/);
  }
});

test("parseBuildContext: a name and where it is", () => {
  const source = "docker-image://a@sha256:x=";
  assert.deepEqual(parseBuildContext(`base=${source}`), { name: "base", source });
  assert.throws(() => parseBuildContext("base"), /expected name=directory/);
});
