import assert from "node:assert/strict";
import { test } from "node:test";
import { sourceIPsOf } from "./source-ips.ts";

const cases: [headers: Record<string, string>, address: string, want: string[]][] = [
  [{}, "10.0.0.1", ["10.0.0.1"]],
  [{}, "::ffff:10.0.0.1", ["10.0.0.1"]],
  [{}, "fd00::1", ["fd00::1"]],
  [{ "x-forwarded-for": "1.2.3.4, 5.6.7.8" }, "10.0.0.1", ["1.2.3.4", "5.6.7.8", "10.0.0.1"]],
  [{ "x-forwarded-for": "1.2.3.4, nonsense" }, "1.2.3.4", ["1.2.3.4"]],
  [{ "x-real-ip": "9.9.9.9" }, "10.0.0.1", ["9.9.9.9", "10.0.0.1"]],
  [{ "x-forwarded-for": "9.9.9.9", "x-real-ip": "9.9.9.9" }, "10.0.0.1", ["9.9.9.9", "10.0.0.1"]],
];

for (const [headers, address, want] of cases) {
  test(`${JSON.stringify(headers)} from ${address} came from ${want.join(", ")}`, () => {
    const certificate = { certificate: undefined, certificateFault: undefined };
    const caller = { kind: "connection", ...certificate, address } as const;
    assert.deepEqual(sourceIPsOf({ headers, caller }), want);
  });
}

test("what a client says is bounded, and a part of this process has no address", () => {
  const many = Array.from({ length: 50 }, (_, i) => `10.0.0.${i}`).join(",");
  const user = { name: "u", uid: "", groups: [], extra: {} };
  const request = {
    headers: { "x-forwarded-for": many },
    caller: { kind: "known", user },
  } as const;
  assert.equal(sourceIPsOf(request).length, 20);
  assert.deepEqual(sourceIPsOf({ headers: {}, caller: request.caller }), []);
});
