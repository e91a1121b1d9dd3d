import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Action } from "#registry/access.ts";

/** What a token says: whose it is, and what it is for. */
export interface TokenContent {
  /** Empty for a client that said nothing of itself. */
  readonly subject: string;
  readonly access: readonly TokenAccess[];
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface TokenAccess {
  readonly repository: string;
  readonly actions: readonly Action[];
}

/** Signs tokens that only the same object believes: they end with the process at the latest. */
export class TokenSigner {
  readonly #secret = randomBytes(32);

  sign(content: TokenContent): string {
    const body = Buffer.from(JSON.stringify(content)).toString("base64url");
    return `${body}.${this.#mac(body).toString("base64url")}`;
  }

  /** Undefined for a token that is not ours, or whose time is over. */
  verify(token: string, now: number): TokenContent | undefined {
    const [body = "", mac = "", ...rest] = token.split(".");
    const given = Buffer.from(mac, "base64url");
    const expected = this.#mac(body);
    if (rest.length > 0 || given.length !== expected.length) return undefined;
    if (!timingSafeEqual(given, expected)) return undefined;
    // Signed by us, so it is what we wrote.
    const content = JSON.parse(Buffer.from(body, "base64url").toString()) as TokenContent;
    return content.expiresAt > now ? content : undefined;
  }

  #mac(body: string): Buffer {
    return createHmac("sha256", this.#secret).update(body).digest();
  }
}
