import { readFile, stat } from "node:fs/promises";
import { isPasswordHash } from "./password.ts";
import { parseGrants, type Grant } from "./grants.ts";

/** A person or a program that has a password. */
export interface User {
  readonly name: string;
  readonly passwordHash: string;
  readonly grants: readonly Grant[];
}

const namePattern = /^[A-Za-z0-9][\w.@-]{0,127}$/;

/**
 * Reads `name:hash` or `name:hash:grants` a line, as htpasswd's but with scrypt; see
 * {@link parseGrants}. Empty lines and those with `#` are left out.
 * @throws {Error} with the line that is malformed; never with what is in it.
 */
export function parseUsers(text: string): ReadonlyMap<string, User> {
  const users = new Map<string, User>();
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [name = "", passwordHash = "", ...rest] = line.trim().split(":");
    if (!isUserName(name) || !isPasswordHash(passwordHash)) {
      throw new Error(
        `users file, line ${index + 1}: expected name:$scrypt$…; gantry registry passwd writes it`,
      );
    }
    users.set(name, { name, passwordHash, grants: parseGrants(rest.join(":")) });
  }
  return users;
}

/** The file's text with a user's line put in or replaced. */
export function withUser(text: string, line: string): string {
  const [name = ""] = line.split(":");
  const others = text.split("\n").filter((it) => it !== "" && !it.startsWith(`${name}:`));
  return `${[...others, line].join("\n")}\n`;
}

export function isUserName(text: string): boolean {
  return namePattern.test(text);
}

/** The users of a file, read again when it has changed. No file is no users. */
export class UsersFile {
  readonly #path: string;
  #identity = "";
  #users: ReadonlyMap<string, User> = new Map();

  constructor(path: string) {
    this.#path = path;
  }

  async find(name: string): Promise<User | undefined> {
    const found = await stat(this.#path).catch((error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    });
    const identity = found === undefined ? "" : `${found.ino} ${found.mtimeMs} ${found.size}`;
    if (identity !== this.#identity) {
      this.#users = identity === "" ? new Map() : parseUsers(await readFile(this.#path, "utf8"));
      this.#identity = identity;
    }
    return this.#users.get(name);
  }
}
