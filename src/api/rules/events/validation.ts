import type { CoreV1Event } from "#api/gen/types.ts";
import { dns1123SubdomainFaults, qualifiedNameFaults } from "#api/names.ts";
import { isNew } from "#api/rules/compose.ts";
import { semanticEqual } from "#api/rules/equality.ts";
import type { Faults } from "#api/rules/faults.ts";
import type { Loose } from "#api/rules/rules.ts";

type Event = Loose<CoreV1Event>;

/** Upstream: `legacyValidateEvent`, the rules that hold in both groups. */
export function validateEvent(event: Event, at: Faults): void {
  checkEvent(event, "reportingComponent", at);
}

function checkEvent(event: Event, controllerField: string, at: Faults): void {
  const namespace = event.metadata?.namespace ?? "";
  const about = event.involvedObject?.namespace ?? "";
  const hasTime = (event.eventTime ?? "") !== "";
  if (!isNamespaceGood(namespace, about, hasTime)) {
    at.invalid("involvedObject.namespace", about, "does not match event.namespace");
  }
  if (hasTime) checkReport(event, controllerField, at);
  at.invalidAll("namespace", namespace, dns1123SubdomainFaults(namespace));
}

function isNamespaceGood(namespace: string, about: string, hasTime: boolean): boolean {
  if (about !== "") return hasTime || about === namespace;
  return namespace === "default" || namespace === (hasTime ? "kube-system" : "");
}

const lengths = [
  ["reportingInstance", 128],
  ["action", 128],
  ["reason", 128],
] as const;

function checkReport(event: Event, controllerField: string, at: Faults): void {
  const controller = event.reportingComponent ?? "";
  if (controller === "") at.required(controllerField);
  at.invalidAll(controllerField, controller, qualifiedNameFaults(controller));
  for (const [field, max] of lengths) {
    const text = event[field] ?? "";
    if (text === "") at.required(field);
    if (text.length > max) at.invalid(field, "", `can have at most ${max} characters`);
  }
  if ((event.message ?? "").length > 1024) {
    at.invalid("message", "", "can have at most 1024 characters");
  }
}

/** What the newer group adds, on an event in the core shape. Upstream: `ValidateEventCreate`. */
export function validateNewEvent(event: Event, at: Faults): void {
  checkEvent(event, "reportingController", at);
  checkSeries(event, at);
  if (!isNew(event)) return;
  if ((event.eventTime ?? "") === "") at.required("eventTime");
  const type = event.type ?? "";
  if (type !== "Normal" && type !== "Warning") {
    at.invalid("type", "", `has invalid value: ${type}`);
  }
  for (const field of ["firstTimestamp", "lastTimestamp", "count", "source"] as const) {
    if (!semanticEqual(event[field], undefined)) at.invalid(field, "", "needs to be unset");
  }
}

function checkSeries(event: Event, at: Faults): void {
  if (event.series === undefined) return;
  if ((event.series.count ?? 0) < 2) at.invalid("series.count", "", "should be at least 2");
  if ((event.series.lastObservedTime ?? "") === "") at.required("series.lastObservedTime");
}

const immutable = [
  "involvedObject",
  "reason",
  "message",
  "source",
  "firstTimestamp",
  "lastTimestamp",
  "count",
  "type",
  "eventTime",
  "action",
  "related",
  "reportingComponent",
  "reportingInstance",
] as const;

/** In the newer group only the series of an event may change. */
export function validateNewEventUpdate(next: Event, previous: Event, at: Faults): void {
  for (const field of immutable) {
    if (semanticEqual(next[field], previous[field])) continue;
    const name = field === "reportingComponent" ? "reportingController" : field;
    at.invalid(name, next[field] ?? null, "field is immutable");
  }
}
