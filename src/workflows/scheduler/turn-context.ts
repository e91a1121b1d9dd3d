import type { Queries } from "#sql/database.ts";
import type { NewAssetEvent } from "#workflows/state/assets.ts";
import type { NewCallback } from "#workflows/state/callbacks.ts";
import type { WorkflowEvent } from "#workflows/state/events.ts";
import type { NewOutput } from "#workflows/state/outputs.ts";
import type { RunKey } from "#workflows/state/runs.ts";
import type { AttemptResult } from "#workflows/worker/protocol.ts";
import type { RunRecords } from "./run-records.ts";
import type { TurnRoom } from "./turn-room.ts";
import type { SchedulerSettings } from "./world.ts";

/** What one turn works with. All of it happens in one transaction. */
export interface Turn {
  readonly queries: Queries;
  readonly now: number;
  /** This scheduler's id. */
  readonly owner: string;
  readonly host: string;
  readonly pid: number;
  readonly settings: SchedulerSettings;
  readonly records: RunRecords;
  readonly room: TurnRoom;
  /** Stored at the turn's end. */
  readonly events: WorkflowEvent[];
  /** Stored once all results are taken. */
  readonly outputs: NewOutput[];
  readonly assetEvents: NewAssetEvent[];
  /** Stored at the turn's end. */
  readonly callbacks: NewCallback[];
  newId(): string;
}

/** How a try ended. */
export interface Ended extends RunKey {
  readonly taskId: string;
  readonly mapIndex: number;
  readonly attempt: string;
  readonly result: AttemptResult;
  /** Called when the result is stored, or changes nothing any more. */
  readonly stored?: (() => void) | undefined;
}
