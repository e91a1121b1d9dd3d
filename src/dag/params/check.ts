import { Validator, type OutputUnit } from "@cfworker/json-schema";
import type { Json, JsonObject } from "#api/object.ts";
import type { ParamModel } from "#dag/model/model.ts";

/** What is wrong with the parameters of a run. */
export class ParamError extends Error {
  override readonly name = "ParamError";
}

/** The parameters of a run: the DAG's defaults, and what the configuration sets. */
export function runParams(
  params: Readonly<Record<string, ParamModel>>,
  conf: Readonly<Record<string, Json>>,
): Record<string, Json> {
  const defaults = Object.entries(params).map(([name, it]) => [name, it.default ?? null] as const);
  return { ...Object.fromEntries(defaults), ...conf };
}

/**
 * Checks what a run is started with against the DAG's parameters.
 * @throws {ParamError} naming the parameter, the place in its value and what is expected there.
 */
export function checkParams(
  params: Readonly<Record<string, ParamModel>>,
  conf: Readonly<Record<string, Json>>,
): void {
  for (const [name, { default: fallback, schema }] of Object.entries(params)) {
    const value = Object.hasOwn(conf, name) ? conf[name] : fallback;
    if (value === undefined) {
      throw new ParamError(`No value passed and Param ${name} has no default value`);
    }
    const problem = schemaProblem(schema, value);
    if (problem !== undefined) throw new ParamError(`Invalid input for param ${name}${problem}`);
  }
}

/**
 * What is wrong with a value by a JSON Schema (2020-12), such as `.items[2]: expected…`; undefined
 * when nothing is.
 */
export function schemaProblem(schema: JsonObject, value: Json): string | undefined {
  const { valid, errors } = validatorOf(schema).validate(value);
  if (valid) return undefined;
  const error = innermost(errors);
  return `${error === undefined ? "" : pathOf(error.instanceLocation)}: ${error?.error ?? "it does not fit its schema"}`;
}

const validators = new WeakMap<JsonObject, Validator>();

function validatorOf(schema: JsonObject): Validator {
  let validator = validators.get(schema);
  if (validator === undefined) {
    validator = new Validator(schema, "2020-12");
    validators.set(schema, validator);
  }
  return validator;
}

/** Those around the cause only say that something inside is wrong. */
function innermost(errors: readonly OutputUnit[]): OutputUnit | undefined {
  const depth = (it: OutputUnit): number => it.instanceLocation.split("/").length;
  return errors.reduce<OutputUnit | undefined>(
    (found, it) => (found === undefined || depth(it) >= depth(found) ? it : found),
    undefined,
  );
}

/** `#/items/2` as `.items[2]`. */
function pathOf(location: string): string {
  const steps = location.split("/").slice(1);
  return steps
    .map((it) => it.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((it) => (/^\d+$/.test(it) ? `[${it}]` : `.${it}`))
    .join("");
}
