import type { Json, JsonObject } from "#api/object.ts";
import type { AssetModel } from "#dag/assets/asset.ts";
import type { Connection } from "#dag/connection/connection.ts";
import type { Restriction, RunTime } from "#dag/timetable/timetable.ts";
import type { ObjectSettings } from "#workflows/objects/settings.ts";
import type { CallbackName, DagModel, TaskModel } from "#dag/model/model.ts";

/** One try of a task instance, with all that a worker needs to run it. */
export interface Job {
  /** Names this try for good. */
  readonly attempt: string;
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number;
  readonly tryNumber: number;
  readonly maxTries: number;
  readonly task: TaskModel;
  readonly run: JobRun;
  /** Where the DAG's code is; undefined for one that has none. */
  readonly code: Code | undefined;
  /** Appended to; undefined: what would be written is sent to who has started the worker. */
  readonly logFile: string | undefined;
  /** Pods of tries before this one are not to be taken over: somebody has ended them. */
  readonly freshFrom: number;
  /** When a sensor began to look, which counts for its timeout; milliseconds since the epoch. */
  readonly firstStartedAt: number;
  /** Where outputs go that are too large for the database; undefined: nowhere. */
  readonly objects?: ObjectSettings | undefined;
  /** Calls this instead of running the task. */
  readonly callback?: JobCallback | undefined;
}

/** Ends what a try has left running elsewhere: pods, containers. Not a function of the author's. */
export const onKill = "onKill";

export interface JobCallback {
  readonly name: CallbackName | typeof onKill | "onDeadline";
  readonly error: string | undefined;
  /** Of the DAG, that the run has missed. */
  readonly deadline?: { readonly position: number; readonly at: number } | undefined;
  /** The DAG's, not the task's. */
  readonly ofDag: boolean;
}

export interface JobRun {
  readonly runType: string;
  readonly logicalDate: number;
  readonly intervalStart: number;
  readonly intervalEnd: number;
  readonly startedAt: number;
  readonly timeZone: string;
  readonly conf: Readonly<Record<string, Json>>;
  readonly params: Readonly<Record<string, Json>>;
  /** What started a run by assets. */
  readonly assetEvents?: readonly JobAssetEvent[] | undefined;
}

export interface JobAssetEvent {
  readonly asset: string;
  readonly at: number;
  readonly extra: Readonly<Record<string, Json>>;
  readonly source:
    { readonly dagId: string; readonly runId: string; readonly taskId: string } | undefined;
}

/** A version of a DAG's file, with everything that it imports from the folder of DAGs. */
export interface Code {
  /** A folder with the version's files. */
  readonly bundleFolder: string;
  /** Below that folder. */
  readonly file: string;
  /** The folder that they came from, for packages beside it. */
  readonly dagsFolder: string;
}

/** An asset that a task says it has made. */
export interface MadeAsset {
  readonly asset: AssetModel;
  readonly extra: Readonly<Record<string, Json>>;
  /** Of the task's, under which it was made. */
  readonly alias: string | undefined;
}

export type AttemptResult =
  | {
      readonly kind: "success";
      readonly outputs: readonly (HandedOn & { readonly name: string })[];
      /** What it says that it has made. */
      readonly made?: readonly MadeAsset[] | undefined;
      /** What a branch chose. */
      readonly followed?: readonly string[] | undefined;
      /** A short circuit's condition was false. */
      readonly stopped?: boolean | undefined;
    }
  | {
      readonly kind: "failed";
      readonly error: string;
      readonly retry: boolean;
      /** Its worker was killed, and could not call the task's callbacks. */
      readonly killed?: boolean | undefined;
    }
  | { readonly kind: "skipped"; readonly reason: string }
  /** Nobody knows how it ended, or whether it ever began: it runs again, and that costs no try. */
  | { readonly kind: "lost"; readonly reason: string }
  /** A sensor that looks again later, in milliseconds since the epoch. */
  | { readonly kind: "reschedule"; readonly at: number };

/** A value that a task hands on. */
export interface HandedOn {
  /** Where it is, if it is an object. */
  readonly value: Json;
  /** Undefined: the value itself is handed on. */
  readonly object?: OutputObject | undefined;
}

/** A value that is kept outside of the database. */
export interface OutputObject {
  readonly path: string;
  /** Of a list or an object, how many elements it has. */
  readonly length: number | undefined;
}

/** The answer to the question for an output. */
export type OutputAnswer =
  | { readonly kind: "value"; readonly value: Json }
  | { readonly kind: "object"; readonly path: string }
  | { readonly kind: "all"; readonly values: OutputAnswer[] };

/** The answer to the question for a variable; null: it is not set. */
export type VariableAnswer = string | { readonly secret: string } | null;

/** What a task may ask of the scheduler while it runs. */
export type Question =
  | {
      readonly kind: "output";
      readonly taskId: string;
      readonly name: string;
      /** Undefined: of all instances when the task is mapped. */
      readonly mapIndex: number | undefined;
    }
  | (HandedOn & { readonly kind: "push"; readonly name: string })
  | { readonly kind: "variable"; readonly key: string }
  | { readonly kind: "set-variable"; readonly key: string; readonly value: string }
  | { readonly kind: "connection"; readonly id: string }
  | {
      readonly kind: "approval";
      readonly subject: string;
      readonly body: string | undefined;
      readonly options: readonly string[];
      readonly multiple: boolean;
    }
  | {
      /** The states of a DAG's runs at logical dates, or of one of its tasks in them. */
      readonly kind: "states";
      readonly dagId: string;
      readonly taskId: string | undefined;
      /** Milliseconds since the epoch. */
      readonly logicalDates: readonly number[];
    }
  /** Whether the run is the newest that its schedule has asked for by now. */
  | { readonly kind: "latest" }
  | {
      readonly kind: "trigger";
      readonly dagId: string;
      readonly runId: string | undefined;
      readonly logicalDate: string | undefined;
      readonly conf: JsonObject;
    };

/** By the question's kind: an {@link OutputAnswer}, a variable's text or null, a run's id. */
export type Answer = Json | (Connection & { readonly found: true }) | null;

export type ToWorker =
  | { readonly kind: "run"; readonly job: Job }
  | { readonly kind: "cancel"; readonly attempt: string; readonly reason: string }
  | { readonly kind: "answer"; readonly id: number; readonly value: Json }
  | { readonly kind: "refusal"; readonly id: number; readonly message: string }
  | {
      readonly kind: "parse";
      readonly id: number;
      readonly folder: string;
      /** Below the folder. */
      readonly file: string;
    }
  | { readonly kind: "timetable"; readonly id: number; readonly question: TimetableQuestion };

export type FromWorker =
  /** It takes jobs from now on. */
  | { readonly kind: "ready" }
  | {
      readonly kind: "ask";
      readonly attempt: string;
      readonly id: number;
      readonly question: Question;
    }
  | {
      readonly kind: "done";
      readonly attempt: string;
      readonly result: AttemptResult;
      /** The worker can no longer be trusted with another job. */
      readonly spoiled: boolean;
    }
  /** Lines of the log of a job without a file for them. */
  | { readonly kind: "log"; readonly attempt: string; readonly text: string }
  | { readonly kind: "parsed"; readonly id: number; readonly result: ParseResult }
  | { readonly kind: "timetable"; readonly id: number; readonly result: TimetableResult };

/** Asks the timetable of a DAG's file for its next run. */
export interface TimetableQuestion {
  readonly code: Code;
  readonly dagId: string;
  readonly at: Restriction;
}

export type TimetableResult =
  | { readonly kind: "next"; readonly next: RunTime | undefined }
  | { readonly kind: "error"; readonly message: string; readonly line: number | undefined };

export type ParseResult = {
  /** Code that was read, by path below the folder. */
  readonly files: Readonly<Record<string, string>>;
  /** What patterns, or paths, below the folder named when they were looked for. */
  readonly looked: Readonly<Record<string, readonly string[]>>;
} & (
  | { readonly kind: "dags"; readonly dags: readonly DagModel[] }
  | { readonly kind: "error"; readonly message: string; readonly line: number | undefined }
);
