import type { Json, JsonObject } from "#api/object.ts";
import type { Param, Params } from "./options.ts";

declare const valueType: unique symbol;

/** Stands for a parameter of the run, while the DAG is being written: an argument of tasks. */
export class ParamValue<T> {
  declare readonly [valueType]: T;
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  toJSON(): JsonObject {
    return { $param: this.#name };
  }
}

/** The values of a DAG's parameters, with the types of their defaults. */
export type ParamValues<P extends Params> = {
  readonly [K in keyof P]: ParamValue<
    P[K] extends Param<infer T> ? Widened<T> : Widened<Extract<P[K], Json>>
  >;
};

type Widened<T> = T extends string
  ? string
  : T extends number
    ? number
    : T extends boolean
      ? boolean
      : T;

export function paramValues<P extends Params>(params: P | undefined): ParamValues<P> {
  const names = Object.keys(params ?? {});
  return Object.fromEntries(names.map((it) => [it, new ParamValue(it)])) as ParamValues<P>;
}
