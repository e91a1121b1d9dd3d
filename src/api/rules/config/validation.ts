import type { ConfigMap, Secret } from "#api/gen/types.ts";
import { configMapKeyFaults } from "#api/names.ts";
import { semanticEqual } from "#api/rules/equality.ts";
import type { Faults } from "#api/rules/faults.ts";
import { byteLength } from "#api/rules/labels/validation.ts";
import type { Loose } from "#api/rules/rules.ts";
import { decodeBase64, decodedLength } from "./defaults.ts";

const sizeMax = 1024 * 1024;

export function validateConfigMap(map: Loose<ConfigMap>, at: Faults): void {
  const { data = {}, binaryData = {} } = map;
  let size = 0;
  for (const [key, value] of Object.entries(data)) {
    at.invalidAll(`data[${key}]`, key, configMapKeyFaults(key));
    if (binaryData[key] !== undefined) {
      at.invalid(`data[${key}]`, key, "duplicate of key present in binaryData");
    }
    size += byteLength(value, sizeMax);
  }
  for (const [key, value] of Object.entries(binaryData)) {
    at.invalidAll(`binaryData[${key}]`, key, configMapKeyFaults(key));
    size += decodedLength(value);
  }
  if (size > sizeMax) at.tooLong("", sizeMax);
}

interface Sealable {
  readonly immutable?: boolean | undefined;
  readonly data?: unknown;
  readonly binaryData?: unknown;
}

/** What is marked immutable stays as it is, the mark included. */
export function checkSealed(next: Sealable, previous: Sealable, at: Faults): void {
  if (previous.immutable !== true) return;
  const detail = "field is immutable when `immutable` is set";
  if (next.immutable !== true) at.forbidden("immutable", detail);
  for (const field of ["data", "binaryData"] as const) {
    if (!semanticEqual(next[field], previous[field])) at.forbidden(field, detail);
  }
}

export function validateSecret(secret: Loose<Secret>, at: Faults): void {
  const data = secret.data ?? {};
  let size = 0;
  for (const [key, value] of Object.entries(data)) {
    at.invalidAll(`data[${key}]`, key, configMapKeyFaults(key));
    size += decodedLength(value);
  }
  if (size > sizeMax) at.tooLong("data", sizeMax);
  typeChecks[secret.type ?? ""]?.(secret, data, at);
}

type Data = Readonly<Record<string, string>>;

/** What the standard types ask for. Upstream: `ValidateSecret`. */
const typeChecks: Readonly<
  Record<string, (secret: Loose<Secret>, data: Data, at: Faults) => void>
> = {
  "kubernetes.io/service-account-token": (secret, _data, at) => {
    const key = "kubernetes.io/service-account.name";
    if ((secret.metadata?.annotations?.[key] ?? "") === "") {
      at.required(`metadata.annotations[${key}]`);
    }
  },
  "kubernetes.io/dockercfg": (_secret, data, at) => {
    checkJson(".dockercfg", data, at);
  },
  "kubernetes.io/dockerconfigjson": (_secret, data, at) => {
    checkJson(".dockerconfigjson", data, at);
  },
  "kubernetes.io/basic-auth": (_secret, data, at) => {
    if (data["username"] !== undefined || data["password"] !== undefined) return;
    at.required("data[username]");
    at.required("data[password]");
  },
  "kubernetes.io/ssh-auth": (_secret, data, at) => {
    if ((data["ssh-privatekey"] ?? "") === "") at.required("data[ssh-privatekey]");
  },
  "kubernetes.io/tls": (_secret, data, at) => {
    for (const key of ["tls.crt", "tls.key"]) {
      if (data[key] === undefined) at.required(`data[${key}]`);
    }
  },
};

function checkJson(key: string, data: Data, at: Faults): void {
  const value = data[key];
  if (value === undefined) at.required(`data[${key}]`);
  else if (!isJsonObjectText(decodeBase64(value))) {
    const detail = "must be a JSON object";
    at.invalid(`data[${key}]`, "<secret contents redacted>", detail);
  }
}

function isJsonObjectText(text: string | undefined): boolean {
  if (text === undefined) return false;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && !Array.isArray(value);
  } catch {
    // JSON.parse throws for bad input only.
    return false;
  }
}

export function validateSecretUpdate(
  next: Loose<Secret>,
  previous: Loose<Secret>,
  at: Faults,
): void {
  if (!semanticEqual(next.type, previous.type)) {
    at.invalid("type", next.type, "field is immutable");
  }
  checkSealed(next, previous, at);
}
