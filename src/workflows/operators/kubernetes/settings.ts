import type { Json } from "#api/object.ts";
import { baseContainerOf, type PodArguments } from "#workflows/kubernetes/operator-pod.ts";

/** How a task treats its pod. */
export interface PodSettings {
  readonly baseContainer: string;
  readonly uniqueName: boolean;
  readonly reattaches: boolean;
  readonly startupTimeoutMs: number;
  readonly scheduleTimeoutMs: number;
  /** Containers whose logs are written to the task's. */
  readonly logsOf: readonly string[] | "all";
  readonly initLogsOf: readonly string[] | "all";
  readonly logsEvents: boolean;
  readonly handsOn: boolean;
  readonly deferrable: boolean;
  readonly pollIntervalMs: number;
  readonly onFinish: "delete_pod" | "delete_succeeded_pod" | "keep_pod";
  readonly skipOnExitCodes: readonly number[];
  /** Gets each line of the containers' logs. */
  readonly hear?: (line: string) => void;
}

/** Airflow's defaults, but that events of a failed pod are shown. @throws {Error} naming an argument. */
export function podSettings(input: PodArguments): PodSettings {
  const startup = seconds(input, "startupTimeoutSeconds", 120);
  const baseContainer = baseContainerOf(input);
  const more = namesOf(input["containerLogs"]);
  const own = input["getLogs"] === false ? [] : [baseContainer];
  return {
    baseContainer,
    uniqueName: input["randomNameSuffix"] !== false,
    reattaches: input["reattachOnRestart"] !== false,
    startupTimeoutMs: startup,
    scheduleTimeoutMs: seconds(input, "scheduleTimeoutSeconds", startup / 1_000),
    logsOf: more === "all" ? "all" : [...new Set([...own, ...more])],
    initLogsOf: namesOf(input["initContainerLogs"]),
    logsEvents: input["logEventsOnFailure"] !== false,
    handsOn: input["doXcomPush"] === true,
    deferrable: input["deferrable"] === true,
    pollIntervalMs: seconds(input, "pollInterval", 2),
    onFinish: finishAction(input["onFinishAction"]),
    skipOnExitCodes: exitCodes(input["skipOnExitCode"]),
  };
}

function seconds(input: PodArguments, name: string, fallback: number): number {
  const value = input[name] ?? fallback;
  if (typeof value === "number" && value >= 0) return value * 1_000;
  throw new Error(`argument '${name}' must be a number of seconds, found ${JSON.stringify(value)}`);
}

function namesOf(value: Json | undefined): readonly string[] | "all" {
  if (value === true) return "all";
  return Array.isArray(value) ? value.map(String) : typeof value === "string" ? [value] : [];
}

function finishAction(value: Json | undefined): PodSettings["onFinish"] {
  const action = value ?? "delete_pod";
  if (action === "delete_pod" || action === "delete_succeeded_pod" || action === "keep_pod") {
    return action;
  }
  throw new Error(
    `argument 'onFinishAction' must be delete_pod, delete_succeeded_pod or keep_pod, found ${JSON.stringify(value)}`,
  );
}

/** One number or several. */
export function exitCodes(value: Json | undefined): readonly number[] {
  if (value == null) return [];
  return (Array.isArray(value) ? value : [value]).map(Number);
}
