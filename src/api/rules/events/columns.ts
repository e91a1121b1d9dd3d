import type { CoreV1Event } from "#api/gen/types.ts";
import { ageSince, column, nameColumn, nameOf, wideColumn } from "#api/rules/columns.ts";
import type { Loose, Printer } from "#api/rules/rules.ts";

/** The columns of `kubectl get events`. Upstream: `printEvent`. */
export const eventPrinter: Printer<CoreV1Event> = {
  columns: [
    column("Last Seen", "Time since it last happened."),
    column("Type", "Normal or Warning."),
    column("Reason", "Why, in one word."),
    column("Object", "What it is about."),
    wideColumn("Subobject", "Part of the object."),
    wideColumn("Source", "Who reports it."),
    column("Message", "What happened."),
    wideColumn("First Seen", "Time since it first happened."),
    wideColumn("Count", "How often it happened."),
    { ...nameColumn, priority: 1 },
  ],
  cells: (event, nowMs) => {
    const first = ageSince(event.firstTimestamp ?? event.eventTime, nowMs);
    return [
      lastSeenOf(event, first, nowMs),
      event.type ?? "",
      event.reason ?? "",
      targetOf(event),
      event.involvedObject?.fieldPath ?? "",
      sourceOf(event),
      (event.message ?? "").trim(),
      first,
      countOf(event),
      nameOf(event),
    ];
  },
};

function lastSeenOf(event: Loose<CoreV1Event>, first: string, nowMs: number): string {
  if (event.series !== undefined) return ageSince(event.series.lastObservedTime, nowMs);
  return event.lastTimestamp === undefined ? first : ageSince(event.lastTimestamp, nowMs);
}

function countOf(event: Loose<CoreV1Event>): number {
  if (event.series !== undefined) return event.series.count ?? 0;
  return event.count === undefined || event.count === 0 ? 1 : event.count;
}

function targetOf(event: Loose<CoreV1Event>): string {
  const kind = (event.involvedObject?.kind ?? "").toLowerCase();
  const name = event.involvedObject?.name ?? "";
  return name === "" ? kind : `${kind}/${name}`;
}

function sourceOf(event: Loose<CoreV1Event>): string {
  const component = firstOf(event.source?.component, event.reportingComponent);
  const instance = firstOf(event.source?.host, event.reportingInstance);
  return instance === "" ? component : `${component}, ${instance}`;
}

function firstOf(a: string | undefined, b: string | undefined): string {
  return a === undefined || a === "" ? (b ?? "") : a;
}
