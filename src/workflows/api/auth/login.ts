import { findAccount } from "#workflows/state/accounts.ts";
import { saveEvents } from "#workflows/state/events.ts";
import { created, type Answer, type ApiRequest } from "#workflows/api/exchange.ts";
import { readBody, required, text } from "#workflows/api/fields.ts";
import type { ApiPorts } from "#workflows/api/ports.ts";
import { ApiProblem, badRequest } from "#workflows/api/problem.ts";
import { readJson } from "#workflows/api/routing.ts";
import { LoginAttempts } from "./attempts.ts";
import { hashPassword, isPassword } from "./passwords.ts";

const loginBody = { username: required(text()), password: required(text()) };
/** Longer passwords are wrong without looking. */
const passwordLengthMax = 1_024;

/** Gives tokens to who knows a name and its password. */
export class Login {
  readonly #ports: ApiPorts;
  readonly #attempts: LoginAttempts;
  #unknownHash: Promise<string> | undefined;

  constructor(ports: ApiPorts) {
    this.#ports = ports;
    this.#attempts = new LoginAttempts(ports.clock);
  }

  /**
   * Answers `POST /auth/token`.
   * @throws {ApiProblem} 401 for a wrong password, 429 after too many.
   */
  async answer(request: ApiRequest, lifetimeMs: number): Promise<Answer> {
    const { database, clock, tokens } = this.#ports;
    const { username, password } = await readLogin(request);
    if (username === "" || password === "") {
      throw badRequest("Username and password must be provided");
    }
    const keys = [`name ${username}`, `address ${request.from}`];
    const wait = this.#attempts.waitSeconds(keys);
    if (wait !== undefined) {
      throw new ApiProblem(429, "Too many failed logins", { "retry-after": String(wait) });
    }
    const account = await findAccount(database, username);
    // A name that nobody has takes as long.
    this.#unknownHash ??= hashPassword("");
    const hashed = account?.passwordHash ?? (await this.#unknownHash);
    const isRight = password.length <= passwordLengthMax && (await isPassword(password, hashed));
    if (account === undefined || !isRight) {
      this.#attempts.failed(keys);
      throw new ApiProblem(401, "Invalid credentials");
    }
    await saveEvents(database, [{ at: clock.now(), name: "auth.login", owner: account.name }]);
    return created({ access_token: await tokens.issue(account, lifetimeMs) });
  }
}

async function readLogin(
  request: ApiRequest,
): Promise<{ readonly username: string; readonly password: string }> {
  if (request.contentType !== "application/x-www-form-urlencoded") {
    return readBody(loginBody, await readJson(request));
  }
  const form = new URLSearchParams((await request.body()).toString("utf8"));
  return readBody(loginBody, Object.fromEntries(form));
}
