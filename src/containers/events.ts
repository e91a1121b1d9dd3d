import type { Pod } from "#api/gen/types.ts";
import { filterOf, hasLabel, type FilterTests } from "#base/docker-filters.ts";
import { idOf, nameOf } from "./find.ts";
import { imageOf, labelsOf } from "./facts.ts";
import { isPaused } from "./labels.ts";
import { containerStateOf, healthState } from "./state.ts";

/** Something that happened to a container, in Docker's words. */
export interface ContainerEvent {
  readonly action: string;
  readonly id: string;
  readonly image: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** What lies between two looks at a container: undefined before it was there, and after. */
export function eventsBetween(
  before: Pod | undefined,
  after: Pod | undefined,
): readonly ContainerEvent[] {
  const pod = after ?? before;
  if (pod === undefined) return [];
  return actionsBetween(before, after).map(({ action, more = {} }) => ({
    action,
    id: idOf(pod),
    image: imageOf(pod),
    attributes: { ...labelsOf(pod), image: imageOf(pod), name: nameOf(pod), ...more },
  }));
}

interface Action {
  readonly action: string;
  readonly more?: Readonly<Record<string, string>>;
}

function actionsBetween(before: Pod | undefined, after: Pod | undefined): readonly Action[] {
  if (after === undefined) return [...endOf(before, undefined), { action: "destroy" }];
  const created = before === undefined ? [{ action: "create" }] : [];
  const renamed =
    before !== undefined && nameOf(before) !== nameOf(after)
      ? [{ action: "rename", more: { oldName: `/${nameOf(before)}` } }]
      : [];
  return [
    ...created,
    ...renamed,
    ...startOf(before, after),
    ...pauseBetween(before, after),
    ...healthBetween(before, after),
    ...endOf(before, after),
  ];
}

function runsSince(pod: Pod | undefined): string | undefined {
  const state = pod === undefined ? undefined : containerStateOf(pod);
  return state?.kind === "running" ? state.startedAt : undefined;
}

/** A short one may have ended before it was seen to run. */
function startOf(before: Pod | undefined, after: Pod): readonly Action[] {
  const since = runsSince(after);
  const { kind } = containerStateOf(after);
  const wasUnstarted = before === undefined || containerStateOf(before).kind === "created";
  const isNew = since !== undefined && since !== runsSince(before);
  const isOver = wasUnstarted && (kind === "exited" || kind === "restarting");
  return isNew || isOver ? [{ action: "start" }] : [];
}

function endOf(before: Pod | undefined, after: Pod | undefined): readonly Action[] {
  const last = before === undefined ? undefined : containerStateOf(before).kind;
  if (after === undefined) return last === "running" ? [dieWith(137)] : [];
  const state = containerStateOf(after);
  if (state.kind !== "exited" && state.kind !== "restarting") return [];
  const wasLive = last === undefined || last === "created" || last === "running";
  return wasLive ? [dieWith(state.code)] : [];
}

function dieWith(code: number): Action {
  return { action: "die", more: { exitCode: String(code) } };
}

function pauseBetween(before: Pod | undefined, after: Pod): readonly Action[] {
  const was = before !== undefined && isPaused(before);
  if (was === isPaused(after)) return [];
  return [{ action: was ? "unpause" : "pause" }];
}

function healthBetween(before: Pod | undefined, after: Pod): readonly Action[] {
  const now = healthState(after);
  const was = before === undefined ? undefined : healthState(before);
  const isNews = now !== undefined && now !== "starting" && now !== was;
  return isNews ? [{ action: `health_status: ${now}` }] : [];
}

/** Docker's line: the time with nine digits, and what is known in brackets. */
export function eventLine(event: ContainerEvent, time: string): string {
  const known = Object.entries(event.attributes)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  return `${time} container ${event.action} ${event.id} (${known.join(", ")})`;
}

/** Docker's fields, for `--format`. */
export function eventFields(event: ContainerEvent, nowMs: number): Record<string, unknown> {
  const { action, id, image, attributes } = event;
  return {
    status: action,
    id,
    from: image,
    Type: "container",
    Action: action,
    Actor: { ID: id, Attributes: attributes },
    scope: "local",
    time: Math.floor(nowMs / 1_000),
    timeNano: nowMs * 1_000_000,
  };
}

const tests: FilterTests<ContainerEvent> = {
  event: ({ action }, value) => action === value || action.split(":", 1)[0] === value,
  container: ({ id, attributes }, value) => attributes["name"] === value || id.startsWith(value),
  image: ({ image }, value) => image === value || image.split(":", 1)[0] === value,
  label: ({ attributes }, value) => hasLabel(attributes, value),
  type: (_, value) => value === "container",
};

/** Whether an event passes: of one key any value will do. @throws {FilterError} */
export function eventFilter(filters: readonly string[]): (event: ContainerEvent) => boolean {
  return filterOf(filters, tests);
}
