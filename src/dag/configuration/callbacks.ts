import type { TaskFunction } from "#dag/authoring/draft.ts";
import type { Callback, Deadline } from "#dag/authoring/options.ts";
import { ConfigurationError } from "./error.ts";
import { fieldsOf, isList, isMapping, type Fields, type Node } from "./node.ts";
import { duration, listOf, moment, oneOf, refuseUnknown, text } from "./values.ts";

/** The function of a file beside the configuration. @throws {Error} when there is none. */
export type FindFunction = (file: string, name: string) => TaskFunction;

const callbackNames = {
  on_execute_callback: "onExecute",
  on_success_callback: "onSuccess",
  on_failure_callback: "onFailure",
  on_retry_callback: "onRetry",
  on_skipped_callback: "onSkipped",
} as const;

type CallbackKey = keyof typeof callbackNames;

/** The keys of callbacks: `on_failure_callback`, or its parts as dag-factory has them. */
export const callbackKeys: readonly string[] = Object.keys(callbackNames).flatMap((it) => [
  it,
  `${it}_file`,
  `${it}_name`,
]);

/**
 * The callbacks among settings: `on_failure_callback: {callable_file: lib/tell.ts, callable_name: tell}`, or
 * `on_failure_callback_file` and `on_failure_callback_name`.
 */
export function readCallbacks(fields: Fields, find: FindFunction): Record<string, Callback> {
  const found: Record<string, Callback> = {};
  for (const key of Object.keys(callbackNames) as CallbackKey[]) {
    const whole = fields.get(key);
    const file = fields.get(`${key}_file`);
    const name = fields.get(`${key}_name`);
    if (whole !== undefined && whole.value !== null) {
      found[callbackNames[key]] = callbackOf(whole, find);
    } else if (file !== undefined && name !== undefined) {
      found[callbackNames[key]] = functionOf(file, name, find);
    } else if ((file ?? name) !== undefined) {
      const { keyPlace } = file ?? name ?? { keyPlace: { file: "", line: 1, column: 1 } };
      throw new ConfigurationError(keyPlace, `${key} needs both ${key}_file and ${key}_name`);
    }
  }
  return found;
}

function callbackOf(node: Node, find: FindFunction): Callback {
  const fields = isMapping(node) ? node.value : new Map<string, Node>();
  const file = fields.get("callable_file");
  const name = fields.get("callable_name");
  if (file === undefined || name === undefined) {
    const reason =
      "a callback is a function of a TypeScript file: {callable_file: …, callable_name: …}";
    throw new ConfigurationError(node.place, reason);
  }
  return functionOf(file, name, find);
}

function functionOf(file: Node, name: Node, find: FindFunction): Callback {
  try {
    // A file's functions are what their author says they are.
    return find(text(file), text(name)) as object as Callback;
  } catch (error) {
    if (error instanceof ConfigurationError || !(error instanceof Error)) throw error;
    throw new ConfigurationError(name.place, error.message);
  }
}

/** `deadline: {reference: queued_at, interval: 1h, callback: {callable_file: …, callable_name: …}}`, or several. */
export function readDeadlines(
  node: Node | undefined,
  find: FindFunction,
  at: { readonly zone: string; readonly now: number },
): readonly Deadline[] {
  if (node === undefined || node.value === null) return [];
  return listOf((it) => deadline(it, find, at))(node);
}

function deadline(
  node: Node,
  find: FindFunction,
  { zone, now }: { readonly zone: string; readonly now: number },
): Deadline {
  const fields = fieldsOf(node, "a deadline");
  const known = ["name", "reference", "interval", "callback"];
  refuseUnknown(new Map([...fields].filter(([key]) => !known.includes(key))), "a deadline", known);
  const part = (key: string): Node => {
    const it = fields.get(key);
    if (it === undefined) throw new ConfigurationError(node.place, `a deadline needs '${key}'`);
    return it;
  };
  const reference = part("reference");
  const name = fields.get("name");
  const instant = isMapping(reference) ? reference.value.get("at") : undefined;
  return {
    ...(name === undefined ? {} : { name: text(name) }),
    reference:
      instant === undefined
        ? oneOf(["logical_date", "queued_at"])(reference)
        : { at: moment(zone, now)(instant) },
    interval: duration(part("interval")),
    callback: callbackOf(part("callback"), find),
  };
}

/** Every TypeScript file whose functions something of a node names. */
export function callableFiles(node: Node | undefined): readonly string[] {
  if (node === undefined) return [];
  if (isList(node)) return unique(node.value.flatMap(callableFiles));
  if (!isMapping(node)) return [];
  return unique(
    [...node.value].flatMap(([key, it]) => {
      const isFile = key === "callable_file" || /^on_\w+_callback_file$/.test(key);
      return isFile ? [text(it)] : callableFiles(it);
    }),
  );
}

function unique(files: readonly string[]): readonly string[] {
  return [...new Set(files)];
}
