import { createHash, createPrivateKey, createPublicKey, generateKeyPair } from "node:crypto";
import type { JsonWebKey, KeyObject } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { readFileIfPresent, writeFileAtomically } from "./files.ts";

const generate = promisify(generateKeyPair);

/** The key that signs service account tokens (ES256), with its public half. */
export interface ServiceAccountKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** Base64url SHA-256 of the public key's DER: `kid` in tokens and in the published key set. */
  readonly id: string;
  /** The public key as a JWK, for `/openid/v1/jwks`. */
  readonly jwk: JsonWebKey;
}

/**
 * Opens `<folder>/sa.key`, and makes it at first start (ECDSA P-256), with `sa.pub` beside it.
 * @throws {Error} when the file is damaged: a new key would make every token invalid.
 */
export async function openServiceAccountKey(folder: string): Promise<ServiceAccountKey> {
  const path = join(folder, "sa.key");
  const existing = await readFileIfPresent(path);
  if (existing !== undefined) return parseServiceAccountKey(path, existing);
  const { privateKey, publicKey } = await generate("ec", { namedCurve: "P-256" });
  const text = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  await writeFileAtomically(path, text, 0o600);
  const published = publicKey.export({ type: "spki", format: "pem" }).toString();
  await writeFileAtomically(join(folder, "sa.pub"), published, 0o644);
  return parseServiceAccountKey(path, text);
}

function parseServiceAccountKey(path: string, text: string): ServiceAccountKey {
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(text);
  } catch (cause) {
    throw new Error(`${path} is damaged: restore it from a backup`, { cause });
  }
  if (privateKey.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new Error(`${path} is not an ECDSA P-256 key: tokens are signed with ES256`);
  }
  const publicKey = createPublicKey(privateKey);
  const der = publicKey.export({ type: "spki", format: "der" });
  const id = createHash("sha256").update(der).digest("base64url");
  const jwk = publicKey.export({ format: "jwk" });
  return { privateKey, publicKey, id, jwk: { ...jwk, use: "sig", alg: "ES256", kid: id } };
}
