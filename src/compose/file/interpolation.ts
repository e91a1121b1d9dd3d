/** What a variable stands for; undefined when it is not set. */
export type Lookup = (name: string) => string | undefined;

export interface Interpolated {
  readonly text: string;
  /** Variables without a value, for which the text has nothing. */
  readonly unset: readonly string[];
}

/** A text whose variables cannot be resolved. */
export class InterpolationError extends Error {
  override readonly name = "InterpolationError";
}

/** Variables within the defaults of variables. */
const nestingMax = 64;
/** Longest name of a variable. */
const nameMax = 1_024;
const namePattern = /^[A-Za-z_][A-Za-z0-9_]*/;

/**
 * Replaces `$NAME`, `${NAME}` and the forms `:-` `-` `:?` `?` `:+` `+`, whose second part may have
 * variables again, and braces in pairs; `$$` is a dollar sign, and so is one that no name follows.
 * Compose specification, "Interpolation"; upstream: compose-go `template/template.go`.
 * @throws {InterpolationError} for a malformed variable, and for a required one without a value.
 */
export function interpolate(text: string, lookup: Lookup): Interpolated {
  if (!text.includes("$")) return { text, unset: [] };
  const unset: string[] = [];
  return { text: replaced(text, { lookup, unset, whole: text }, 0), unset };
}

interface Context {
  readonly lookup: Lookup;
  readonly unset: string[];
  /** What the user has written, for messages. */
  readonly whole: string;
}

function replaced(text: string, context: Context, depth: number): string {
  if (depth > nestingMax) throw malformed(context);
  let result = "";
  let at = 0;
  for (;;) {
    const dollar = text.indexOf("$", at);
    if (dollar < 0) return result + text.slice(at);
    result += text.slice(at, dollar);
    at = dollar + 1;
    if (text.charAt(at) === "{") {
      const end = closingBrace(text, at);
      if (end < 0) throw malformed(context);
      result += braced(text.slice(at + 1, end), context, depth);
      at = end + 1;
      continue;
    }
    const name = namePattern.exec(text.slice(at, at + nameMax))?.[0];
    result += name === undefined ? "$" : valueOf(name, context);
    at += name?.length ?? (text.charAt(at) === "$" ? 1 : 0);
  }
}

/** Of the brace at `start`; the last one, where braces do not come in pairs; -1 when there is none. */
function closingBrace(text: string, start: number): number {
  let open = 0;
  for (let at = start; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === "{") open++;
    else if (character === "}" && --open === 0) return at;
  }
  const last = text.lastIndexOf("}");
  return last > start ? last : -1;
}

function valueOf(name: string, { lookup, unset }: Context): string {
  const value = lookup(name);
  if (value === undefined) unset.push(name);
  return value ?? "";
}

/** What is between the braces; the second part is read only when it is wanted. */
function braced(inner: string, context: Context, depth: number): string {
  const name = namePattern.exec(inner)?.[0];
  if (name === undefined) throw malformed(context);
  if (name === inner) return valueOf(name, context);
  const [operator] = /^:?[-?+]/.exec(inner.slice(name.length)) ?? [];
  if (operator === undefined) throw malformed(context);
  const value = context.lookup(name);
  const isSet = value !== undefined && !(operator.startsWith(":") && value === "");
  const usesWord = operator.endsWith("+") ? isSet : !isSet;
  if (!usesWord) return operator.endsWith("+") ? "" : (value ?? "");
  const word = replaced(inner.slice(name.length + operator.length), context, depth + 1);
  if (!operator.endsWith("?")) return word;
  const why = word === "" ? "" : `: ${word}`;
  throw new InterpolationError(`required variable ${name} is missing a value${why}`);
}

function malformed({ whole }: Context): InterpolationError {
  return new InterpolationError(
    `invalid interpolation format: ${JSON.stringify(whole)}; a dollar sign is written $$`,
  );
}
