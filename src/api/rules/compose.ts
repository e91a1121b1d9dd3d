import { ensureObject, isJsonObject, type JsonObject } from "#api/object.ts";
import type { Resource } from "#api/resource.ts";
import type { Strategy } from "#api/strategy.ts";
import { namePrinter } from "./columns.ts";
import { semanticEqual } from "./equality.ts";
import { Faults } from "./faults.ts";
import type { Draft, Loose, Printer, Rules } from "./rules.ts";

/**
 * The strategy of a kind: what all kinds share, and the kind's own rules. The rules see the object
 * by its generated interface; decoding has checked the shape by the same schema.
 */
export function compose<T>(resource: Resource, rules: Rules<T>): Strategy {
  const hasStatus = resource.subresources.some((it) => it.name === "status");
  const printer: Printer<T> = rules.printer ?? namePrinter;
  return {
    default: (object) => rules.default?.(draft<T>(object)),
    prepareForCreate: (object, context) => {
      if (hasStatus && rules.createKeepsStatus !== true) object["status"] = {};
      if (rules.generation === true) ensureObject(object, "metadata")["generation"] = 1;
      rules.create?.(draft<T>(object), context);
    },
    prepareForUpdate: (next, previous, context) => {
      if (hasStatus) keepField(next, previous, "status");
      rules.update?.(draft<T>(next), typed<T>(previous), context);
      keepGeneration(next, previous);
      const counts = rules.generationCountsAnnotations === true;
      if (rules.generation === true && isChanged(next, previous, counts)) bumpGeneration(next);
    },
    prepareForStatusUpdate: (next, previous, context) => {
      keepAllButStatus(next, previous);
      keepGeneration(next, previous);
      if (rules.statusKeepsMetadata === true) keepMetadata(next, previous);
      rules.updateStatus?.(draft<T>(next), typed<T>(previous), context);
    },
    validate: (object) => collect((at) => rules.validate?.(typed<T>(object), at)),
    validateUpdate: (next, previous) =>
      collect((at) => rules.validateUpdate?.(typed<T>(next), typed<T>(previous), at)),
    validateStatusUpdate: (next, previous) =>
      collect((at) => rules.validateStatus?.(typed<T>(next), typed<T>(previous), at)),
    warnings: (next, previous) =>
      rules.warnings?.(typed<T>(next), previous === undefined ? undefined : typed<T>(previous)) ??
      [],
    allowCreateOnUpdate: rules.allowCreateOnUpdate ?? false,
    allowUnconditionalUpdate: rules.allowUnconditionalUpdate ?? true,
    ttlSeconds: rules.ttlSeconds,
    gracePeriodSeconds: (object, asked) => rules.gracePeriodSeconds?.(typed<T>(object), asked),
    columns: printer.columns,
    cells: (object, nowMs) => printer.cells(typed<T>(object), nowMs),
  };
}

/**
 * Takes over from `previous` what a write through a subresource may not touch in metadata.
 * Upstream: `metav1.ResetObjectMetaForStatus`.
 */
export function keepMetadata(next: JsonObject, previous: JsonObject): void {
  const from = isJsonObject(previous["metadata"]) ? previous["metadata"] : {};
  const to = ensureObject(next, "metadata");
  for (const key of keptForStatus) keepField(to, from, key);
}

const keptForStatus = [
  "deletionTimestamp",
  "generation",
  "selfLink",
  "labels",
  "annotations",
  "finalizers",
  "ownerReferences",
];

/** Adds one to `metadata.generation`. */
export function bumpGeneration(object: JsonObject): void {
  const metadata = ensureObject(object, "metadata");
  const generation = metadata["generation"];
  metadata["generation"] = (typeof generation === "number" ? generation : 0) + 1;
}

/** Sets `key` to what it is in `from`, or takes it away. */
export function keepField(to: JsonObject, from: JsonObject, key: string): void {
  const value = from[key];
  if (value === undefined) Reflect.deleteProperty(to, key);
  else to[key] = value;
}

function keepGeneration(next: JsonObject, previous: JsonObject): void {
  const from = isJsonObject(previous["metadata"]) ? previous["metadata"] : {};
  keepField(ensureObject(next, "metadata"), from, "generation");
}

function keepAllButStatus(next: JsonObject, previous: JsonObject): void {
  for (const key of new Set([...Object.keys(next), ...Object.keys(previous)])) {
    if (key !== "metadata" && key !== "status") keepField(next, previous, key);
  }
}

const notCounted = new Set(["metadata", "status", "apiVersion", "kind"]);

function isChanged(next: JsonObject, previous: JsonObject, countAnnotations: boolean): boolean {
  for (const key of new Set([...Object.keys(next), ...Object.keys(previous)])) {
    if (!notCounted.has(key) && !semanticEqual(next[key], previous[key])) return true;
  }
  return countAnnotations && !semanticEqual(annotationsOf(next), annotationsOf(previous));
}

function annotationsOf(object: JsonObject): unknown {
  const metadata = object["metadata"];
  return isJsonObject(metadata) ? metadata["annotations"] : undefined;
}

function collect(run: (at: Faults) => void): Faults["errors"] {
  const at = new Faults();
  run(at);
  return at.errors;
}

/** True for an object that is not stored yet: what only a create may not have is checked by it. */
export function isNew(object: { readonly metadata?: object | undefined }): boolean {
  const metadata: { readonly resourceVersion?: string } = object.metadata ?? {};
  return metadata.resourceVersion === undefined || metadata.resourceVersion === "";
}

// The one place where a decoded object gets its generated type: the decoder has checked it by the
// same schema, and a second check would double the cost of a write.
function typed<T>(object: unknown): Loose<T> {
  return object as Loose<T>;
}

function draft<T>(object: unknown): Draft<T> {
  return object as Draft<T>;
}
