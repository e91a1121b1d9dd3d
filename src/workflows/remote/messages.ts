import type { Json } from "#api/object.ts";
import type { SchedulerAddress } from "#workflows/broker/broker.ts";
import type { BundleFiles } from "#workflows/state/dags.ts";
import type { AttemptResult, Job, Question } from "#workflows/worker/protocol.ts";

// One connection carries one try of a task: a WebSocket at `jobPath`, messages in JSON, the token of
// the try in the header `Authorization`. A worker that loses its connection opens another, to one after
// the other of the schedulers that it knows, and sends again what was not acknowledged.

export const jobPath = "/execution/job";

/** Close codes; a worker ends its task on the first and tries again on the others. */
export const closeCodes = { superseded: 4_410, unknown: 4_404, later: 4_503 } as const;

/** Largest message: a version's code, or a result with the largest output. */
export const messageSizeMax = 64 * 1024 * 1024;

export const pingMs = 1_000;
/** Who has sent nothing for so many pings, not even an answer to them, is taken for lost. */
export const silentPingsMax = 5;

export interface CodeFiles {
  /** The version's. */
  readonly hash: string;
  readonly files: BundleFiles;
}

export type ToRemote =
  | {
      readonly kind: "start";
      /** Without places of the scheduler's machine. */
      readonly job: Job;
      readonly code: CodeFiles | undefined;
      /** For the next connection: the one that this began with ends sooner. */
      readonly token: string;
      /** Where to go when this one is lost; this one is the first. */
      readonly schedulers: readonly SchedulerAddress[];
    }
  | { readonly kind: "schedulers"; readonly schedulers: readonly SchedulerAddress[] }
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "cancel"; readonly reason: string }
  | { readonly kind: "answer"; readonly id: number; readonly value: Json }
  | { readonly kind: "refusal"; readonly id: number; readonly message: string }
  /** Log lines up to this serial number are written. */
  | { readonly kind: "logged"; readonly serial: number }
  /** The result is in the database: the worker has done its part. */
  | { readonly kind: "stored" };

export type FromRemote =
  | { readonly kind: "ask"; readonly id: number; readonly question: Question }
  | { readonly kind: "log"; readonly serial: number; readonly text: string }
  | { readonly kind: "done"; readonly result: AttemptResult };
