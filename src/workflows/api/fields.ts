import type { Json, JsonObject } from "#api/object.ts";
import { parseMoment } from "#dag/timetable/moment.ts";
import { ApiProblem, type Fault } from "./problem.ts";

/** A value as it was read, or what is wrong with it; the words are those of pydantic. */
export type Reading<T> =
  | { readonly value: T; readonly fault?: undefined }
  | { readonly fault: Pick<Fault, "type" | "msg"> };

/** One parameter of a query, or one field of a body. */
export interface Field<T> {
  readonly required: boolean;
  /** Taken when it is not given. */
  readonly fallback: T;
  /** A parameter that may be repeated. */
  readonly repeated: boolean;
  /** @param isText it comes from a query, where everything is text. */
  read(value: Json, isText: boolean): Reading<T>;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;
export type Values<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never;
};

function optional<T>(read: (value: Json, isText: boolean) => Reading<T>): Field<T | undefined> {
  return { required: false, fallback: undefined, repeated: false, read };
}

/** The field must be given. */
export function required<T>(field: Field<T>): Field<Exclude<T, undefined>> {
  return { ...(field as Field<Exclude<T, undefined>>), required: true };
}

/** What counts when the field is not given. */
export function withDefault<T>(
  field: Field<T>,
  fallback: Exclude<T, undefined>,
): Field<Exclude<T, undefined>> {
  return { ...(field as Field<Exclude<T, undefined>>), fallback };
}

/** Null is a value, other than nothing. */
export function nullable<T>(field: Field<T>): Field<T | null> {
  return {
    ...(field as Field<T | null>),
    read: (value, isText) => (value === null ? { value } : field.read(value, isText)),
  };
}

export function text(
  rules: { readonly max?: number; readonly pattern?: RegExp } = {},
): Field<string | undefined> {
  return optional((value) => {
    if (typeof value !== "string") return fault("string_type", "Input should be a valid string");
    if (rules.max !== undefined && value.length > rules.max) {
      return fault("string_too_long", `String should have at most ${rules.max} characters`);
    }
    if (rules.pattern !== undefined && !rules.pattern.test(value)) {
      return fault(
        "string_pattern_mismatch",
        `String should match pattern '${rules.pattern.source}'`,
      );
    }
    return { value };
  });
}

export function integer(rules: { readonly min?: number } = {}): Field<number | undefined> {
  return optional((value, isText) => {
    const number =
      isText && typeof value === "string" && /^\s*[+-]?\d+\s*$/.test(value) ? Number(value) : value;
    if (typeof number !== "number" || !Number.isSafeInteger(number)) {
      return isText
        ? fault(
            "int_parsing",
            "Input should be a valid integer, unable to parse string as an integer",
          )
        : fault("int_type", "Input should be a valid integer");
    }
    if (rules.min !== undefined && number < rules.min) {
      return fault("greater_than_equal", `Input should be greater than or equal to ${rules.min}`);
    }
    return { value: number };
  });
}

export function number(): Field<number | undefined> {
  return optional((value, isText) => {
    const parsed =
      isText && typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    if (typeof parsed === "number" && Number.isFinite(parsed)) return { value: parsed };
    return isText
      ? fault("float_parsing", "Input should be a valid number, unable to parse string as a number")
      : fault("float_type", "Input should be a valid number");
  });
}

const truths = new Map<string, boolean>(
  [
    ["true", "1", "on", "t", "y", "yes"],
    ["false", "0", "off", "f", "n", "no"],
  ].flatMap((words, at) => words.map((it) => [it, at === 0] as const)),
);

export function boolean(): Field<boolean | undefined> {
  return optional((value, isText) => {
    const parsed = isText && typeof value === "string" ? truths.get(value.toLowerCase()) : value;
    if (typeof parsed === "boolean") return { value: parsed };
    return isText
      ? fault("bool_parsing", "Input should be a valid boolean, unable to interpret input")
      : fault("bool_type", "Input should be a valid boolean");
  });
}

/** A moment, in milliseconds since the epoch; without an offset it is read as UTC. */
export function date(): Field<number | undefined> {
  return optional((value) => {
    // In a query an unescaped + of an offset arrives as a space.
    const moment = typeof value === "string" ? value.replace(/ (\d\d:?\d\d)$/, "+$1") : "";
    try {
      return { value: parseMoment(moment, "UTC") };
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      return fault("datetime_parsing", `Input should be a valid datetime, ${cause}`);
    }
  });
}

export function oneOf<const T extends string>(choices: readonly T[]): Field<T | undefined> {
  return optional((value) => {
    const found = choices.find((it) => it === value);
    return found === undefined
      ? fault("enum", `Input should be ${inWords(choices)}`)
      : { value: found };
  });
}

function inWords(choices: readonly string[]): string {
  const quoted = choices.map((it) => `'${it}'`);
  const last = quoted.pop() ?? "";
  return quoted.length === 0 ? last : `${quoted.join(", ")} or ${last}`;
}

export function object(): Field<JsonObject | undefined> {
  return optional((value) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? { value }
      : fault("dict_type", "Input should be a valid dictionary"),
  );
}

/** Anything. */
export function json(): Field<Json | undefined> {
  return optional((value) => ({ value }));
}

/** A list; in a query, a parameter that may be repeated. */
export function list<T>(of: Field<T>): Field<readonly Exclude<T, undefined>[] | undefined> {
  return {
    required: false,
    fallback: undefined,
    repeated: true,
    read: (value, isText) => {
      if (!Array.isArray(value)) return fault("list_type", "Input should be a valid list");
      const values: Exclude<T, undefined>[] = [];
      for (const it of value) {
        const reading = of.read(it, isText);
        if (reading.fault !== undefined) return reading;
        values.push(reading.value as Exclude<T, undefined>);
      }
      return { value: values };
    },
  };
}

function fault(type: string, msg: string): { readonly fault: Pick<Fault, "type" | "msg"> } {
  return { fault: { type, msg } };
}

/** Reads a query's parameters; others are left alone. @throws {ApiProblem} 422 */
export function readQuery<F extends Fields>(fields: F, query: URLSearchParams): Values<F> {
  const given: Record<string, Json> = {};
  for (const [name, field] of Object.entries(fields)) {
    const all = query.getAll(name);
    const last = all.at(-1);
    if (last !== undefined) given[name] = field.repeated ? all : last;
  }
  return readFields(fields, given, { loc: ["query"], isText: true });
}

/** Reads a body. @throws {ApiProblem} 422, also for fields that are not among `fields`. */
export function readBody<F extends Fields>(
  fields: F,
  body: Json,
  loc: readonly (string | number)[] = ["body"],
): Values<F> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    const msg = "Input should be a valid dictionary or object to extract fields from";
    throw new ApiProblem(422, [{ type: "model_attributes_type", loc, msg, input: body }]);
  }
  const foreign = Object.keys(body)
    .filter((it) => !Object.hasOwn(fields, it))
    .map((name) => {
      const msg = "Extra inputs are not permitted";
      return { type: "extra_forbidden", loc: [...loc, name], msg, input: body[name] ?? null };
    });
  return readFields(fields, body, { loc, isText: false, foreign });
}

function readFields<F extends Fields>(
  fields: F,
  given: JsonObject,
  at: {
    readonly loc: readonly (string | number)[];
    readonly isText: boolean;
    readonly foreign?: readonly Fault[];
  },
): Values<F> {
  const faults: Fault[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const input = Object.hasOwn(given, name) ? given[name] : undefined;
    const loc = [...at.loc, name];
    if (input === undefined) {
      if (field.required)
        faults.push({ type: "missing", loc, msg: "Field required", input: given });
      values[name] = field.fallback;
      continue;
    }
    const reading = field.read(input, at.isText);
    if (reading.fault === undefined) values[name] = reading.value;
    else faults.push({ ...reading.fault, loc, input });
  }
  faults.push(...(at.foreign ?? []));
  if (faults.length > 0) throw new ApiProblem(422, faults);
  return values as Values<F>;
}
