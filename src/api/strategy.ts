import type { FieldError } from "./field.ts";
import type { Json, JsonObject } from "./object.ts";

/**
 * What the API server must know of a kind beyond its shape. Every function is pure except that
 * `default…` and `prepare…` change the object they are given, which one request owns. Upstream:
 * the `strategy.go`, `defaults.go`, `validation.go` and `printers.go` of each kind.
 */
export interface Strategy {
  /** Fills in defaults. Runs after decoding, on create, update, patch and on the result of apply. */
  default(object: JsonObject): void;
  /** Drops what a client may not set on create (`status`), sets what the server owns. */
  prepareForCreate(object: JsonObject, context: WriteContext): void;
  /** Keeps what this request may not change (`status` here, `spec` on /status), bumps generation. */
  prepareForUpdate(next: JsonObject, previous: JsonObject, context: WriteContext): void;
  prepareForStatusUpdate(next: JsonObject, previous: JsonObject, context: WriteContext): void;
  /** All faults of a new object. Metadata common to all kinds is checked by generic code before. */
  validate(object: JsonObject): FieldError[];
  /** All faults of a change, beyond those of `validate(next)`, which runs as well. */
  validateUpdate(next: JsonObject, previous: JsonObject): FieldError[];
  validateStatusUpdate(next: JsonObject, previous: JsonObject): FieldError[];
  /** Faults that do not refuse the request; sent as `Warning: 299` headers. */
  warnings(next: JsonObject, previous: JsonObject | undefined): string[];
  /** PUT of a name that does not exist creates it. */
  readonly allowCreateOnUpdate: boolean;
  /** PUT without a resourceVersion overwrites whatever is there. */
  readonly allowUnconditionalUpdate: boolean;
  /** Seconds after the last write at which an object goes by itself; undefined: it stays. */
  readonly ttlSeconds?: number | undefined;
  /**
   * Seconds that the object may take to end when a DELETE asks for `asked`; undefined where the kind
   * knows no graceful end.
   */
  gracePeriodSeconds(object: JsonObject, asked: number | undefined): number | undefined;
  /** The columns of `kubectl get`, after `Name`'s; see {@link Column}. */
  readonly columns: readonly Column[];
  /** One value per column. `nowMs` is for ages. */
  cells(object: JsonObject, nowMs: number): Json[];
}

export interface WriteContext {
  /** RFC 3339 with seconds. */
  readonly now: string;
}

/** A column of `meta.k8s.io/v1 Table`. Priority 0 always shows, 1 with `-o wide`. */
export interface Column {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  readonly format?: string;
  readonly description: string;
  readonly priority: number;
}
