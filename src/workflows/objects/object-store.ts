import type { Clock } from "#base/clock.ts";
import type { Connection } from "#dag/connection/connection.ts";

/** Most bytes of one object. */
export const objectSizeMax = 256 * 1024 * 1024;

/** Keeps objects by their whole paths. */
export interface ObjectStore {
  put(path: string, bytes: Buffer, signal: AbortSignal): Promise<void>;
  /** @throws {Error} when there is none, or it is too large. */
  get(path: string, signal: AbortSignal): Promise<Buffer>;
  /** One that is not there is no error. */
  delete(path: string, signal: AbortSignal): Promise<void>;
}

export interface ObjectPorts {
  readonly clock: Clock;
  readonly fetch: (address: string, init: RequestInit) => Promise<Response>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Undefined when there is none of that id. */
  readonly connection: (id: string) => Promise<Connection | undefined>;
}
