import type {
  ClusterTrustBundleProjection,
  KeyToPath,
  PodCertificateProjection,
  ProjectedVolumeSource,
  SecretProjection,
  ServiceAccountTokenProjection,
  VolumeProjection,
} from "#api/gen/types.ts";
import type { Faults } from "#api/rules/faults.ts";
import { checkSelector } from "#api/rules/labels/validation.ts";
import type { Loose } from "#api/rules/rules.ts";
import { isEmpty } from "./defaults.ts";
import { checkDownwardFile } from "./downward-files.ts";
import { checkFileMode, checkNotReserved } from "./paths.ts";

/** A key of a ConfigMap or Secret and the file that shows it. */
export function checkItem(item: Loose<KeyToPath>, at: Faults): void {
  if (isEmpty(item.key)) at.required("key");
  if (isEmpty(item.path)) at.required("path");
  checkNotReserved("path", item.path ?? "", at);
  checkFileMode("mode", item.mode, at);
}

/** Upstream: `validateProjectedVolumeSource`. */
export function checkProjected(projected: Loose<ProjectedVolumeSource>, at: Faults): void {
  checkFileMode("defaultMode", projected.defaultMode, at);
  const paths = new Set<string>();
  for (const [i, source] of (projected.sources ?? []).entries()) {
    at.enter("sources", i);
    const conflicts = checkSource(source, paths, at);
    if (Object.keys(source).length > 1) {
      at.forbidden("", "may not specify more than 1 volume type per source");
    }
    at.leave();
    for (const it of conflicts) at.invalid("", it, "conflicting duplicate paths");
    if (source.serviceAccountToken !== undefined) checkToken(source.serviceAccountToken, i, at);
  }
}

/** Checks one source and returns what to name in the fault of a path that is used twice. */
function checkSource(source: Loose<VolumeProjection>, paths: Set<string>, at: Faults): string[] {
  const conflicts = [
    ...checkKeys("secret", source.secret, paths, at),
    ...checkKeys("configMap", source.configMap, paths, at),
  ];
  if (source.downwardAPI !== undefined) {
    at.enter("downwardAPI");
    for (const file of source.downwardAPI.items ?? []) {
      checkDownwardFile(file, at);
      if (isTaken(file.path, paths)) conflicts.push(file.path ?? "");
    }
    at.leave();
  }
  if (source.clusterTrustBundle !== undefined) {
    at.enter("clusterTrustBundle");
    checkTrustBundle(source.clusterTrustBundle, at);
    at.leave();
    const path = source.clusterTrustBundle.path;
    if (isTaken(path, paths)) conflicts.push(path ?? "");
  }
  if (source.podCertificate !== undefined) {
    at.enter("podCertificate");
    const files = checkPodCertificate(source.podCertificate, at);
    conflicts.push(...files.filter((it) => isTaken(it, paths)));
    at.leave();
  }
  return conflicts;
}

function checkKeys(
  kind: "secret" | "configMap",
  source: Loose<SecretProjection> | undefined,
  paths: Set<string>,
  at: Faults,
): string[] {
  if (source === undefined) return [];
  const conflicts: string[] = [];
  at.enter(kind);
  const name = source.name ?? "";
  if (name === "") at.required("name");
  for (const [i, item] of (source.items ?? []).entries()) {
    at.enter("items", i);
    checkItem(item, at);
    at.leave();
    if (isTaken(item.path, paths)) conflicts.push(name);
  }
  at.leave();
  return conflicts;
}

function isTaken(path: string | undefined, paths: Set<string>): boolean {
  if (path === undefined || path === "") return false;
  if (paths.has(path)) return true;
  paths.add(path);
  return false;
}

// The path of a token is reported at the volume, as upstream does.
function checkToken(token: Loose<ServiceAccountTokenProjection>, i: number, at: Faults): void {
  const seconds = token.expirationSeconds ?? 0;
  const field = `sources[${i}].serviceAccountToken.expirationSeconds`;
  if (seconds < 600) at.invalid(field, seconds, "may not specify a duration less than 10 minutes");
  if (seconds > 2 ** 32) {
    at.invalid(field, seconds, "may not specify a duration larger than 2^32 seconds");
  }
  if (isEmpty(token.path)) at.required("path");
  else checkNotReserved("path", token.path ?? "", at);
}

function checkTrustBundle(bundle: Loose<ClusterTrustBundleProjection>, at: Faults): void {
  if (bundle.name !== undefined && bundle.signerName !== undefined) {
    at.invalid("", bundle, "only one of name and signerName may be used");
  } else if (bundle.name !== undefined) {
    if (bundle.name === "") at.required("name", "must be a valid object name");
    if (bundle.labelSelector !== undefined) {
      const detail = "labelSelector must be unset if name is specified";
      at.invalid("labelSelector", bundle.labelSelector, detail);
    }
  } else if (bundle.signerName !== undefined) {
    if (bundle.signerName === "") at.required("signerName", "must be a valid signer name");
    checkSelector("labelSelector", bundle.labelSelector, at);
  } else {
    at.required("", "either name or signerName must be specified");
  }
  if (isEmpty(bundle.path)) at.required("path");
  checkNotReserved("path", bundle.path ?? "", at);
}

const keyTypes = ["RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"];
const certificatePaths = ["credentialBundlePath", "keyPath", "certificateChainPath"] as const;

function checkPodCertificate(it: Loose<PodCertificateProjection>, at: Faults): string[] {
  if (isEmpty(it.signerName)) at.required("signerName");
  if (it.keyType === undefined || !keyTypes.includes(it.keyType)) {
    at.notSupported("keyType", it.keyType, keyTypes);
  }
  const seconds = it.maxExpirationSeconds;
  if (seconds !== undefined && seconds < 3600) {
    const detail = "if provided, maxExpirationSeconds must be >= 3600";
    at.invalid("maxExpirationSeconds", seconds, detail);
  }
  const paths: string[] = [];
  for (const field of certificatePaths) {
    const path = it[field] ?? "";
    if (path === "") continue;
    checkNotReserved(field, path, at);
    paths.push(path);
  }
  if (paths.length === 0) {
    const detail =
      "specify at least one of credentialBundlePath, keyPath, and certificateChainPath";
    at.required("", detail);
  }
  return paths;
}
