import type { Secret } from "#api/gen/types.ts";
import type { Draft } from "#api/rules/rules.ts";

/**
 * A secret's type, and its `stringData` turned into `data`, over which it wins: nobody reads it
 * back. Upstream: `SetDefaults_Secret`, `Convert_v1_Secret_To_core_Secret`.
 */
export function defaultSecret(secret: Draft<Secret>): void {
  secret.type ||= "Opaque";
  if (secret.stringData === undefined) return;
  const data = (secret.data ??= {});
  for (const [key, text] of Object.entries(secret.stringData)) data[key] = encodeBase64(text);
  delete secret.stringData;
}

const chunk = 8192;

function encodeBase64(text: string): string {
  const bytes = new TextEncoder().encode(text);
  let binary = "";
  // In pieces, since the number of arguments of a call is bounded.
  for (let i = 0; i < bytes.length; i += chunk) {
    binary += String.fromCharCode(...bytes.subarray(i, i + chunk));
  }
  return btoa(binary);
}

/** Bytes that a text in base64 stands for. */
export function decodedLength(base64: string): number {
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  return Math.floor((base64.length * 3) / 4) - padding;
}

/** The text that base64 stands for, undefined when it is not UTF-8 in base64. */
export function decodeBase64(base64: string): string | undefined {
  try {
    const binary = atob(base64);
    const bytes = Uint8Array.from(binary, (it) => it.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // Both decoders throw for bad input only.
    return undefined;
  }
}
