import { jwtVerify, SignJWT } from "jose";
import type { Clock } from "#base/clock.ts";
import type { InstanceKey } from "#workflows/state/instances.ts";

/** What a token lets its bearer do: to be the worker of one try of one task. */
export interface AttemptClaim extends InstanceKey {
  readonly attempt: string;
}

const audience = "gantry-execution";

/** How long a token is good, unless said otherwise; a worker that runs gets new ones. */
export const tokenLifetimeMs = 3_600_000;

/** Makes and checks the tokens of workers. Schedulers with the same key accept each other's. */
export class AttemptTokens {
  readonly #key: Uint8Array;
  readonly #clock: Clock;

  /** @param key 32 bytes that only schedulers know. */
  constructor(key: Uint8Array, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
  }

  async issue(claim: AttemptClaim, lifetimeMs = tokenLifetimeMs): Promise<string> {
    const { attempt, dagId, runId, taskId, mapIndex } = claim;
    const now = this.#clock.now();
    return await new SignJWT({ dag: dagId, run: runId, task: taskId, map: mapIndex })
      .setProtectedHeader({ alg: "HS256" })
      .setSubject(attempt)
      .setAudience(audience)
      .setIssuedAt(Math.floor(now / 1_000))
      .setExpirationTime(Math.floor((now + lifetimeMs) / 1_000))
      .sign(this.#key);
  }

  /** Undefined for a token that is not ours, or has expired. */
  async verify(token: string): Promise<AttemptClaim | undefined> {
    try {
      const options = {
        audience,
        algorithms: ["HS256"],
        currentDate: new Date(this.#clock.now()),
      };
      const { payload } = await jwtVerify(token, this.#key, options);
      const { sub, dag, run, task, map } = payload;
      if (typeof sub !== "string" || typeof dag !== "string" || typeof run !== "string") return;
      if (typeof task !== "string" || typeof map !== "number") return;
      return { attempt: sub, dagId: dag, runId: run, taskId: task, mapIndex: map };
    } catch {
      return undefined;
    }
  }
}
