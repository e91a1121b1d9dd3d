import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

const keyLength = 32;
/** About 30 ms of work and 16 MiB: OWASP's least for scrypt with this much memory, p = 5. */
const cost = { N: 16_384, r: 8, p: 5 };

/** A password that nobody guesses. */
export function newPassword(): string {
  return randomBytes(18).toString("base64url");
}

/** A salted hash of a password, for {@link isPassword}. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  return `scrypt:${salt.toString("base64")}:${(await derive(password, salt)).toString("base64")}`;
}

/** Whether a hash is of a password. False, too, for a hash of another form. */
export async function isPassword(password: string, hashed: string): Promise<boolean> {
  const [kind, salt = "", key = ""] = hashed.split(":");
  const wanted = Buffer.from(key, "base64");
  if (kind !== "scrypt" || wanted.length !== keyLength) return false;
  return timingSafeEqual(await derive(password, Buffer.from(salt, "base64")), wanted);
}

function derive(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, keyLength, cost, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
