import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { StatusError } from "#api/status.ts";
import { chooseContainer } from "./container.ts";
import { logPath, streamPath } from "./pod-requests.ts";

function pod(containers: string, annotations: JsonObject = {}): JsonObject {
  const named = (text: string): JsonObject[] =>
    text.split(" ").flatMap((name) => (name === "" ? [] : [{ name }]));
  const [regular = "", init = "", ephemeral = ""] = containers.split("/");
  return {
    metadata: { name: "x", namespace: "ns", annotations },
    spec: {
      containers: named(regular),
      initContainers: named(init),
      ephemeralContainers: named(ephemeral),
    },
  };
}

const preferred = { "kubectl.kubernetes.io/default-container": "b" };
const cases: [pod: JsonObject, asked: string | null, want: string][] = [
  [pod("a"), null, "a"],
  [pod("a"), "", "a"],
  [pod("a/i/e"), null, "a"],
  [pod("a b", preferred), null, "b"],
  [pod("a b"), "b", "b"],
  [pod("a/i/e"), "i", "i"],
  [pod("a/i/e"), "e", "e"],
  [pod("a b"), "z", "container z is not valid for pod x"],
  [pod("a b"), null, "a container name must be specified for pod x, choose one of: [a b]"],
  [pod("a b/i/e"), null, "a container name must be specified for pod x, choose one of: [i a b e]"],
  [pod(""), null, "a container name must be specified for pod x"],
];
for (const [given, asked, want] of cases) {
  test(`container: asked for ${asked ?? "none"} -> ${want}`, () => {
    let got: string;
    try {
      got = chooseContainer(given, asked);
    } catch (error) {
      assert.ok(error instanceof StatusError);
      assert.equal(error.code, 400);
      got = error.message;
    }
    assert.equal(got, want);
  });
}

const paths: [subresource: string, query: string, want: string][] = [
  [
    "exec",
    "command=sh&command=-c&command=a b&stdin=true&stdout=true&tty=false",
    "/exec/ns/x/a?input=1&output=1&command=sh&command=-c&command=a+b",
  ],
  ["attach", "stdout=true&stderr=1&tty=true", "/attach/ns/x/a?output=1&error=1&tty=1"],
  ["portforward", "", "/portForward/ns/x"],
  ["portforward", "ports=80&ports=443", "/portForward/ns/x?port=80%2C443"],
];
for (const [subresource, query, want] of paths) {
  test(`kubelet path: ${subresource}?${query}`, () => {
    assert.equal(streamPath(pod("a"), subresource, new URLSearchParams(query)), want);
  });
}

test("kubelet path: a log", () => {
  const params = new URLSearchParams("follow=true");
  const path = logPath(pod("a b"), new URLSearchParams("container=b"), params);
  assert.equal(path, "/containerLogs/ns/x/b?follow=true");
});
