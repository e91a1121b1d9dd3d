import type { Json } from "#api/object.ts";
import type { Asset, AssetAlias } from "./asset.ts";
import type { Connection } from "#dag/connection/connection.ts";

/** What a task function is told, and what it may ask for while it runs. */
export interface TaskContext {
  readonly dagId: string;
  readonly taskId: string;
  readonly runId: string;
  readonly runType: string;
  /** -1 for a task that is not mapped. */
  readonly mapIndex: number;
  /** From 1. */
  readonly tryNumber: number;
  readonly logicalDate: Date;
  readonly dataIntervalStart: Date;
  readonly dataIntervalEnd: Date;
  /** The logical date as `2026-01-31`. */
  readonly ds: string;
  /** The logical date as `2026-01-31T00:00:00+00:00`. */
  readonly ts: string;
  /** The DAG's parameters, with what the run's configuration sets. */
  readonly params: Readonly<Record<string, Json>>;
  /** The configuration that the run was started with. */
  readonly conf: Readonly<Record<string, Json>>;
  /** What started a run by assets, by the asset's name; empty for other runs. */
  readonly triggeringAssetEvents: Readonly<Record<string, readonly AssetEventView[]>>;
  /**
   * Tells that the task makes an asset, which counts when it succeeds: one of its outlets, with what is
   * worth saying about it, or any other under one of its asset aliases.
   * @throws {FailError} when it has neither among its outlets.
   */
  assetMade(
    asset: Asset,
    about?: { readonly extra?: Readonly<Record<string, Json>>; readonly alias?: AssetAlias },
  ): void;
  /** Aborts when the task is to end: its time is over, or somebody stopped it. */
  readonly signal: AbortSignal;
  /** Writes lines to the task's log; `console.log` does too. */
  readonly log: (...values: readonly unknown[]) => void;
  readonly variables: Variables;
  readonly connections: { get(id: string): Promise<Connection> };
  readonly outputs: Outputs;
  /** Fills in a template: `{{ ds }}`, `{{ params.region }}`. */
  render(template: string): Promise<string>;
}

/** An asset was made. */
export interface AssetEventView {
  readonly timestamp: Date;
  readonly extra: Readonly<Record<string, Json>>;
  /** What made it; undefined for somebody outside. */
  readonly source:
    { readonly dagId: string; readonly runId: string; readonly taskId: string } | undefined;
}

export interface Variables {
  /** @throws {Error} when it is not set and no fallback is given. */
  get(key: string, fallback?: string): Promise<string>;
  /** Reads the value as JSON. */
  json(key: string, fallback?: Json): Promise<Json>;
  set(key: string, value: string): Promise<void>;
}

/** What tasks of this run have handed on; Airflow's XComs. */
export interface Outputs {
  /** Null when there is none. @param mapIndex of one instance of a mapped task. */
  pull(taskId: string, key?: string, mapIndex?: number): Promise<Json>;
  push(key: string, value: Json): Promise<void>;
}

/** Ends a task as skipped. */
export class SkipError extends Error {
  override readonly name = "SkipError";
}

/** Ends a task as failed, without another try. */
export class FailError extends Error {
  override readonly name = "FailError";
}
