import { templateFunctions } from "./functions.ts";
import { parseTemplate } from "./parse.ts";
import { TemplateError, type Branch, type Node, type Operand, type Pipe } from "./syntax.ts";
import { isFields, isTrue, showValue, type Fields } from "./values.ts";

type Functions = typeof templateFunctions;

/** Characters that a template may make. */
const outputMax = 64 * 1_048_576;

/**
 * Fills a template of Go's text/template with what is known of one thing: `{{.Names}}`,
 * `{{json .State}}`, `{{range $k, $v := .Labels}}…{{end}}`. Functions are Go's own and Docker's.
 * @throws {TemplateError} for what does not parse, and for fields that are not there.
 */
export function fillTemplate(
  template: string,
  fields: Fields,
  functions: Functions = templateFunctions,
): string {
  return fillParsed(parseTemplate(template), fields, functions);
}

/** @throws {TemplateError} */
export function fillParsed(
  nodes: readonly Node[],
  data: unknown,
  functions: Functions = templateFunctions,
): string {
  const run: Run = { functions, root: data, out: [], length: 0 };
  walk(run, nodes, { dot: data, variables: new Map([["$", data]]), outer: undefined });
  return run.out.join("");
}

interface Run {
  readonly functions: Functions;
  readonly root: unknown;
  readonly out: string[];
  length: number;
}

interface Scope {
  readonly dot: unknown;
  readonly variables: Map<string, unknown>;
  readonly outer: Scope | undefined;
}

/** How nodes ended: a range may be left, or go on with its next item. */
type Ended = "break" | "continue" | undefined;

function walk(run: Run, nodes: readonly Node[], scope: Scope): Ended {
  for (const node of nodes) {
    const ended = step(run, node, scope);
    if (ended !== undefined) return ended;
  }
  return undefined;
}

function step(run: Run, node: Node, scope: Scope): Ended {
  switch (node.kind) {
    case "text":
      write(run, node.text);
      return undefined;
    case "action": {
      const value = evaluate(run, node.pipe, scope);
      if (node.pipe.variables.length > 0) assign(node.pipe, value, scope);
      else write(run, showValue(value));
      return undefined;
    }
    case "break":
    case "continue":
      return node.kind;
    case "if":
    case "with":
      return choose(run, node, scope);
    case "range":
      repeat(run, node, scope);
      return undefined;
  }
}

function write(run: Run, text: string): void {
  run.length += text.length;
  if (run.length > outputMax) throw new TemplateError("template: it makes more than 64 MiB");
  run.out.push(text);
}

function inner(scope: Scope, dot: unknown): Scope {
  return { dot, variables: new Map(), outer: scope };
}

function choose(run: Run, { kind, pipe, body, otherwise }: Branch, scope: Scope): Ended {
  const value = evaluate(run, pipe, scope);
  const within = inner(scope, scope.dot);
  if (pipe.variables.length > 0) assign(pipe, value, within);
  if (!isTrue(value)) return walk(run, otherwise, within);
  return walk(run, body, kind === "with" ? { ...within, dot: value } : within);
}

function repeat(run: Run, { pipe, body, otherwise }: Branch, scope: Scope): void {
  const entries = entriesOf(evaluate(run, pipe, scope), pipe);
  if (entries.length === 0) walk(run, otherwise, inner(scope, scope.dot));
  const { variables } = pipe;
  for (const [key, value] of entries) {
    const within = inner(scope, value);
    if (variables.length === 1) within.variables.set(variables[0] ?? "", value);
    else variables.forEach((it, at) => within.variables.set(it, at === 0 ? key : value));
    if (walk(run, body, within) === "break") break;
  }
}

/** Items by their numbers, and fields by their names in order. */
function entriesOf(value: unknown, pipe: Pipe): readonly (readonly [unknown, unknown])[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.map((it: unknown, at) => [at, it]);
  if (isFields(value)) return Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  throw new TemplateError(
    `template: range can't iterate over ${showValue(value)}: {{${pipe.text}}}`,
  );
}

function assign(
  { variables: [name = ""], isAssignment }: Pipe,
  value: unknown,
  scope: Scope,
): void {
  const owner = isAssignment ? ownerOf(scope, name) : scope;
  owner.variables.set(name, value);
}

function ownerOf(scope: Scope, name: string): Scope {
  for (let it: Scope | undefined = scope; it !== undefined; it = it.outer) {
    if (it.variables.has(name)) return it;
  }
  throw new TemplateError(`template: undefined variable "${name}"`);
}

function evaluate(run: Run, pipe: Pipe, scope: Scope): unknown {
  let last: readonly unknown[] = [];
  for (const command of pipe.commands) last = [callCommand({ run, pipe, scope }, command, last)];
  return last[0];
}

interface Place {
  readonly run: Run;
  readonly pipe: Pipe;
  readonly scope: Scope;
}

function callCommand(
  place: Place,
  [first, ...rest]: readonly Operand[],
  last: readonly unknown[],
): unknown {
  if (first === undefined) return undefined;
  const values = (): unknown[] => [...rest.map((it) => valueOf(place, it)), ...last];
  if (first.kind === "function") return callFunction(place, first.name, values());
  const value = valueOf(place, first, values);
  if (rest.length + last.length === 0 || isCallable(place, first)) return value;
  throw new TemplateError(`template: can't give argument to non-function: {{${place.pipe.text}}}`);
}

function callFunction({ run, pipe }: Place, name: string, values: readonly unknown[]): unknown {
  const found = Object.hasOwn(run.functions, name) ? run.functions[name] : undefined;
  if (found === undefined) throw new TemplateError(`template: function "${name}" not defined`);
  try {
    return found(...values);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new TemplateError(`template: {{${pipe.text}}}: ${error.message}`, { cause: error });
  }
}

/** Whether the last name of a word is a function of what it is asked of. */
function isCallable(place: Place, operand: Operand): boolean {
  if (!("fields" in operand) || operand.fields.length === 0) return false;
  const owner = valueOf(place, { ...operand, fields: operand.fields.slice(0, -1) });
  const name = operand.fields.at(-1) ?? "";
  return isFields(owner) && typeof owner[name] === "function";
}

function valueOf(place: Place, operand: Operand, values: () => unknown[] = () => []): unknown {
  const { run, scope, pipe } = place;
  switch (operand.kind) {
    case "literal":
      return operand.value;
    case "function":
      return callFunction(place, operand.name, []);
    case "dot":
      return fieldOf(scope.dot, operand.fields, pipe, values);
    case "variable": {
      const value = ownerOf(scope, operand.name).variables.get(operand.name);
      return fieldOf(value, operand.fields, pipe, values);
    }
    case "pipe":
      return fieldOf(evaluate(run, operand.pipe, scope), operand.fields, pipe, values);
  }
}

function fieldOf(
  from: unknown,
  names: readonly string[],
  pipe: Pipe,
  values: () => unknown[],
): unknown {
  let value = from;
  for (const name of names) {
    if (!isFields(value) || !Object.hasOwn(value, name)) {
      throw new TemplateError(`template: {{${pipe.text}}}: there is no field ${name}`);
    }
    const found: unknown = value[name];
    value =
      typeof found === "function" ? (found as (...all: unknown[]) => unknown)(...values()) : found;
  }
  return value;
}
