import assert from "node:assert/strict";
import { test } from "node:test";
import { annotationPrefix, protocolOfPort, readSettings } from "./settings.ts";

const cases: [annotation: string, value: string, want: unknown][] = [
  ["ssl-redirect", "false", { redirect: false }],
  ["ssl-redirect", "yes", "fault"],
  ["backend-protocol", "grpc", { protocol: "h2c" }],
  ["backend-protocol", "HTTPS", { protocol: "https" }],
  ["backend-protocol", "FCGI", "fault"],
  ["read-timeout", "90s", { readMs: 90_000 }],
  ["read-timeout", "250ms", { readMs: 250 }],
  ["read-timeout", "25h", "fault"],
  ["read-timeout", "0s", "fault"],
  ["read-timeout", "90", "fault"],
  ["tunnel-timeout", "2h", { tunnelMs: 7_200_000 }],
  ["body-size-max", "10Mi", { bodyBytesMax: 10 * 1024 * 1024 }],
  ["body-size-max", "0", { bodyBytesMax: 0 }],
  ["body-size-max", "-1", "fault"],
  ["body-size-max", "8 MB\n  server evil", "fault"],
];

const none = {
  redirect: true,
  protocol: undefined,
  readMs: undefined,
  tunnelMs: undefined,
  bodyBytesMax: undefined,
};

for (const [annotation, value, want] of cases) {
  test(`readSettings: ${annotation}: ${JSON.stringify(value)}`, () => {
    const { settings, faults } = readSettings({ [annotationPrefix + annotation]: value });
    assert.equal(faults.length, want === "fault" ? 1 : 0, faults.join());
    assert.deepEqual(settings, { ...none, ...(want === "fault" ? {} : (want as object)) });
  });
}

test("readSettings: annotations of others say nothing", () => {
  const annotations = { "nginx.ingress.kubernetes.io/ssl-redirect": "false" };
  assert.deepEqual(readSettings(annotations), { settings: none, faults: [] });
});

const ports: [appProtocol: string | undefined, want: string][] = [
  [undefined, "http"],
  ["kubernetes.io/ws", "http"],
  ["kubernetes.io/h2c", "h2c"],
  ["gRPC", "h2c"],
  ["HTTPS", "https"],
  ["example.com/unheard", "http"],
];

for (const [appProtocol, want] of ports) {
  test(`protocolOfPort: ${String(appProtocol)} -> ${want}`, () => {
    assert.equal(protocolOfPort(appProtocol), want);
  });
}
