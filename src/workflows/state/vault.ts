import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

const prefix = "v1:";

/** Encrypts what is stored of variables and connections: AES-256-GCM, a fresh nonce each time. */
export class Vault {
  readonly #key: Buffer;

  /** @param key 32 bytes. */
  constructor(key: Buffer) {
    this.#key = key;
  }

  /** Another key of 32 bytes, for another purpose; the same whenever it is asked for. */
  derivedKey(purpose: string): Buffer {
    return Buffer.from(hkdfSync("sha256", this.#key, "", purpose, 32));
  }

  seal(text: string): string {
    const nonce = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce);
    const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
    return prefix + Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64");
  }

  /** @throws {Error} when it was sealed with another key, or changed since. */
  open(sealed: string): string {
    const bytes = Buffer.from(sealed.slice(prefix.length), "base64");
    try {
      const decipher = createDecipheriv("aes-256-gcm", this.#key, bytes.subarray(0, 12));
      decipher.setAuthTag(bytes.subarray(12, 28));
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString(
        "utf8",
      );
    } catch (cause) {
      throw new Error(
        "a stored secret cannot be read: the key (workflows/secret.key) is not the one it was stored with",
        { cause },
      );
    }
  }
}
