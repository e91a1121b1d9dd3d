import assert from "node:assert/strict";
import { test } from "node:test";
import { findCredentials, storedCredentials, withCredentials } from "./docker-config.ts";

const ann = { username: "ann", password: "a:b" };
const auth = Buffer.from("ann:a:b").toString("base64");

const cases: [title: string, key: string, domain: string, found: boolean][] = [
  ["a registry", "reg.example:5000", "reg.example:5000", true],
  ["Docker's own", "https://index.docker.io/v1/", "docker.io", true],
  ["with a scheme", "https://reg.example", "reg.example", true],
  ["another", "reg.example", "reg.example:5000", false],
];

for (const [title, key, domain, found] of cases) {
  test(`storedCredentials: ${title}`, () => {
    const config = { auths: { [key]: { auth } } };
    assert.deepEqual(storedCredentials(config, domain), found ? ann : undefined);
  });
}

test("storedCredentials: what is empty or malformed is none", () => {
  for (const it of ["", "AAAA", Buffer.from(":x").toString("base64")]) {
    assert.equal(storedCredentials({ auths: { a: { auth: it } } }, "a"), undefined);
  }
});

test("withCredentials: put in and taken out, the rest of the file stays", () => {
  const config = { auths: { other: { auth } }, proxies: {} };
  const logged = withCredentials(config, "docker.io", ann);
  assert.deepEqual(storedCredentials(logged, "docker.io"), ann);
  assert.deepEqual(withCredentials(logged, "docker.io", undefined), config);
});

test("findCredentials: a helper that is not there says so", async () => {
  await assert.rejects(findCredentials({ credsStore: "gantry-none" }, "a"), /gives no credentials/);
});
