import type { Json } from "#api/object.ts";
import type { Column, WriteContext } from "#api/strategy.ts";
import type { Faults } from "./faults.ts";

/**
 * A generated interface as decoding leaves it: nothing is required, since the wire format does not
 * know required fields, and "required" is one of the things that validation says.
 */
export type Loose<T> = T extends readonly (infer Item)[]
  ? readonly Loose<Item>[]
  : T extends object
    ? string extends keyof T
      ? { readonly [Key in keyof T]: Loose<T[Key]> }
      : { readonly [Key in keyof T]?: Loose<T[Key]> | undefined }
    : T;

/** As {@link Loose}, for the one request that owns the object and fills it in. */
export type Draft<T> = T extends readonly (infer Item)[]
  ? Draft<Item>[]
  : T extends object
    ? string extends keyof T
      ? { -readonly [Key in keyof T]: Draft<T[Key]> }
      : { -readonly [Key in keyof T]?: Draft<T[Key]> | undefined }
    : T;

/**
 * What makes a kind different from the composed default. Each part is optional; `compose` adds what
 * all kinds share (status and spec kept apart, generation).
 */
export interface Rules<T> {
  readonly default?: (object: Draft<T>) => void;
  /** After status was dropped and generation set. */
  readonly create?: (object: Draft<T>, context: WriteContext) => void;
  /** After status was kept; before generation is compared. `previous` is not to be changed. */
  readonly update?: (next: Draft<T>, previous: Loose<T>, context: WriteContext) => void;
  /** After everything but metadata and status was taken from `previous`. */
  readonly updateStatus?: (next: Draft<T>, previous: Loose<T>, context: WriteContext) => void;
  readonly validate?: (object: Loose<T>, at: Faults) => void;
  readonly validateUpdate?: (next: Loose<T>, previous: Loose<T>, at: Faults) => void;
  readonly validateStatus?: (next: Loose<T>, previous: Loose<T>, at: Faults) => void;
  readonly warnings?: (next: Loose<T>, previous: Loose<T> | undefined) => string[];
  readonly gracePeriodSeconds?: (object: Loose<T>, asked: number | undefined) => number | undefined;
  readonly printer?: Printer<T>;
  /** metadata.generation counts the changes of everything but metadata and status. */
  readonly generation?: boolean;
  /** An annotation counts as a change for generation too. Deployments, as upstream. */
  readonly generationCountsAnnotations?: boolean;
  /** /status keeps labels, annotations, finalizers and owners. Upstream: `ResetObjectMetaForStatus`. */
  readonly statusKeepsMetadata?: boolean;
  /** A new object keeps the status that the client sent. Nodes, as upstream. */
  readonly createKeepsStatus?: boolean;
  readonly allowCreateOnUpdate?: boolean;
  /** See `Strategy.ttlSeconds`. */
  readonly ttlSeconds?: number;
  /** True when left out. */
  readonly allowUnconditionalUpdate?: boolean;
}

/** The columns of a kind, `Name` first, and one cell for each. */
export interface Printer<T> {
  readonly columns: readonly Column[];
  cells(object: Loose<T>, nowMs: number): Json[];
}
