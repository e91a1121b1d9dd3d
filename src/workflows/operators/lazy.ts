import type { Operator } from "./operator.ts";

type About = Pick<Operator, "templated" | "templateEndings">;

/**
 * An operator whose code is loaded by the first task that needs it: most workers never do, and each
 * worker's start pays for what it loads.
 */
export function lazyOperator(about: About, load: () => Promise<Operator>): Operator {
  return { ...about, execute: async (call) => await (await load()).execute(call) };
}

/** One that leaves something behind, with how that is ended. */
export function lazyOperatorWithKill(about: About, load: () => Promise<Operator>): Operator {
  return { ...lazyOperator(about, load), kill: async (call) => await (await load()).kill?.(call) };
}
