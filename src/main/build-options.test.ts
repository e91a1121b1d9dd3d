import assert from "node:assert/strict";
import { test } from "node:test";
import {
  parseBytes,
  parseEpoch,
  parseOutput,
  parsePairs,
  parseSecret,
  parseSsh,
} from "./build-options.ts";

test("parseOutput: types and short forms", () => {
  assert.deepEqual(parseOutput("type=oci,dest=a.tar"), { type: "oci", destination: "a.tar" });
  assert.deepEqual(parseOutput("type=registry"), { type: "registry", destination: "" });
  assert.deepEqual(parseOutput("out"), { type: "local", destination: "out" });
  assert.deepEqual(parseOutput("-"), { type: "tar", destination: "-" });
  assert.throws(() => parseOutput("type=zip"), /expected type= one of/);
  assert.throws(() => parseOutput("type=oci"), /expected dest=/);
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
