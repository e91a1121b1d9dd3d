import type { Pod } from "#api/gen/types.ts";
import { formatTime } from "#api/time.ts";
import type { Clock } from "#base/clock.ts";
import { awaitObjects } from "#cli/await-objects.ts";
import type { Session } from "#cli/connection.ts";
import { pods } from "#client/kinds.ts";
import {
  eventFields,
  eventFilter,
  eventLine,
  eventsBetween,
  type ContainerEvent,
} from "#containers/events.ts";
import { containerSelector } from "#containers/labels.ts";
import { fillTemplate } from "#base/go-template/evaluate.ts";

export interface EventOptions {
  readonly filter: readonly string[];
  /** `json` or a template; undefined: Docker's lines. */
  readonly format: string | undefined;
  /** Of which pods; undefined: those of `gantry run`. */
  readonly labelSelector?: string | undefined;
}

/** `gantry events`: what happens to containers from now on, until the session ends. */
export async function showEvents(
  session: Session,
  options: EventOptions,
  clock: Clock,
): Promise<void> {
  const passes = eventFilter(options.filter);
  let before: ReadonlyMap<string, Pod> | undefined;
  await awaitObjects<Pod>(session, pods, options.labelSelector ?? containerSelector, (all) => {
    const now = new Map(all.map((it) => [it.metadata?.uid ?? "", it]));
    for (const event of newsOf(before ?? now, now).filter(passes)) {
      session.io.out(`${textOf(event, options.format, clock.now())}\n`);
    }
    before = now;
    return false;
  });
}

function newsOf(
  before: ReadonlyMap<string, Pod>,
  now: ReadonlyMap<string, Pod>,
): readonly ContainerEvent[] {
  const uids = new Set([...before.keys(), ...now.keys()]);
  return [...uids].flatMap((uid) => eventsBetween(before.get(uid), now.get(uid)));
}

function textOf(event: ContainerEvent, format: string | undefined, nowMs: number): string {
  if (format === "json") return JSON.stringify(eventFields(event, nowMs));
  if (format !== undefined) return fillTemplate(format, eventFields(event, nowMs));
  return eventLine(event, formatTime(nowMs));
}
