/** What a value of a compose file may be. */
export type Shape =
  | { readonly kind: "scalar"; readonly scalar: Scalar }
  | { readonly kind: "any" | "null" }
  | { readonly kind: "word"; readonly words: readonly string[] }
  | { readonly kind: "pattern"; readonly pattern: RegExp; readonly expected: string }
  | { readonly kind: "list"; readonly of: Shape }
  /** A mapping whose keys are the user's. */
  | { readonly kind: "record"; readonly of: Shape; readonly names?: RegExp }
  /** A mapping with known keys, and extensions. */
  | {
      readonly kind: "object";
      readonly keys: Readonly<Record<string, Shape>>;
      readonly needed: readonly string[];
    }
  /** One of several; the first of the value's own type tells what is wrong in it. */
  | { readonly kind: "either"; readonly of: readonly Shape[] };

/**
 * `flag`, `number`, `count` (whole, not below zero), `size` and `duration` may be texts that stand for
 * such: interpolation gives texts. A duration must be a text, as upstream wants it.
 */
export type Scalar =
  "text" | "flag" | "boolean" | "number" | "integer" | "count" | "size" | "duration";

export const text: Shape = { kind: "scalar", scalar: "text" };
export const flag: Shape = { kind: "scalar", scalar: "flag" };
export const boolean: Shape = { kind: "scalar", scalar: "boolean" };
export const number: Shape = { kind: "scalar", scalar: "number" };
export const integer: Shape = { kind: "scalar", scalar: "integer" };
export const count: Shape = { kind: "scalar", scalar: "count" };
export const size: Shape = { kind: "scalar", scalar: "size" };
export const duration: Shape = { kind: "scalar", scalar: "duration" };
export const anything: Shape = { kind: "any" };
export const nothing: Shape = { kind: "null" };

export function word(...words: readonly string[]): Shape {
  return { kind: "word", words };
}

export function pattern(regular: RegExp, expected: string): Shape {
  return { kind: "pattern", pattern: regular, expected };
}

export function list(of: Shape): Shape {
  return { kind: "list", of };
}

export function record(of: Shape, names?: RegExp): Shape {
  return names === undefined ? { kind: "record", of } : { kind: "record", of, names };
}

export function object(
  keys: Readonly<Record<string, Shape>>,
  ...needed: readonly string[]
): Extract<Shape, { kind: "object" }> {
  return { kind: "object", keys, needed };
}

export function either(...of: readonly Shape[]): Shape {
  return { kind: "either", of };
}
