import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodSpec } from "#api/gen/types.ts";
import { containerOf, podOf } from "#testing/pod-fixtures.ts";
import { unsupportedFeature } from "./pod-features.ts";

function sysctl(name: string): Partial<PodSpec> {
  return { securityContext: { sysctls: [{ name, value: "1" }] } };
}

function profile(type: string): Partial<PodSpec> {
  return {
    containers: [containerOf("app", { securityContext: { appArmorProfile: { type } } })],
  };
}

const cases: [spec: Partial<PodSpec>, want: string][] = [
  [{}, ""],
  [{ os: { name: "linux" } }, ""],
  [
    { os: { name: "windows" } },
    "PodOSNotSupported: Failed to admit pod as the OS field doesn't match node OS",
  ],
  [
    { securityContext: { supplementalGroupsPolicy: "Strict" } },
    "SupplementalGroupsPolicyNotSupported: SupplementalGroupsPolicy=Strict is not supported in this node",
  ],
  [{ securityContext: { supplementalGroupsPolicy: "Merge" } }, ""],
  [sysctl("kernel.shm_rmid_forced"), ""],
  [sysctl("net/ipv4/tcp_syncookies"), ""],
  [sysctl("kernel.msgmax"), 'SysctlForbidden: forbidden sysctl: "kernel.msgmax" not allowlisted'],
  [
    { ...sysctl("kernel.shm_rmid_forced"), hostIPC: true },
    'SysctlForbidden: forbidden sysctl: "kernel.shm_rmid_forced" not allowed with host IPC enabled',
  ],
  [
    { ...sysctl("net.ipv4.tcp_syncookies"), hostNetwork: true },
    'SysctlForbidden: forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host Net enabled',
  ],
  [profile("Unconfined"), ""],
  [
    profile("RuntimeDefault"),
    "AppArmor: Cannot enforce AppArmor: AppArmor is not enabled on the host",
  ],
];

for (const [spec, want] of cases) {
  test(`unsupportedFeature: ${JSON.stringify(spec)} -> ${want}`, () => {
    const got = unsupportedFeature(podOf(spec));
    assert.equal(got === undefined ? "" : `${got.reason}: ${got.message}`, want);
  });
}
