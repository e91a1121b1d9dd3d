import type { Json } from "#api/object.ts";
import { callbackKeys, readCallbacks, type FindFunction } from "./callbacks.ts";
import { DagError, openGroup, type Draft, type TaskFunction } from "#dag/authoring/draft.ts";
import { operatorTask } from "#dag/authoring/task.ts";
import { ConfigurationError } from "./error.ts";
import { fieldsOf, isList, mergeNodes, type Fields, type Node } from "./node.ts";
import { argumentName, findOperator, type OperatorForm } from "./operators.ts";
import { withReferences } from "./references.ts";
import { readTaskSettings, taskSettingNames } from "./settings.ts";
import {
  duration,
  flag,
  listOf,
  oneOf,
  refuseUnknown,
  text,
  type FieldReaders,
  readFields,
} from "./values.ts";

/** A task as its file has it. */
interface Written {
  readonly name: string;
  readonly id: string;
  readonly node: Node;
  readonly fields: Fields;
  readonly group: string | undefined;
}

interface WrittenGroup {
  readonly name: string;
  readonly id: string;
  readonly node: Node;
  readonly fields: Fields;
  readonly parent: string | undefined;
}

/** Declares the tasks and groups of a DAG that is being written. */
export class TaskBuilder {
  readonly #tasks: readonly Written[];
  readonly #groups: ReadonlyMap<string, WrittenGroup>;
  readonly #ids = new Map<string, string>();
  readonly #drafts = new Map<string, Draft>();
  readonly #findFunction: FindFunction;

  /** @param node the DAG's, with its defaults. */
  constructor(node: Node, findFunction: FindFunction) {
    this.#findFunction = findFunction;
    const fields = fieldsOf(node, "a DAG");
    const defaults = fields.get("default_args") ?? fields.get("defaultArgs");
    this.#groups = readGroups(fields.get("task_groups"));
    this.#tasks = namedNodes(fields.get("tasks"), "task_id").map(({ name, node: task }) => {
      const written = fieldsOf(task, `task ${name}`);
      const groupName = written.get("task_group_name");
      const within = groupName === undefined ? undefined : this.#group(groupName);
      const groupDefaults = within?.fields.get("default_args");
      const merged = [defaults, groupDefaults, task]
        .filter((it): it is Node => it !== undefined && it.value !== null)
        .map(onlySettings(task))
        .reduce((below, over) => mergeNodes(below, over));
      const id = within === undefined ? name : `${within.id}.${name}`;
      return {
        name,
        id,
        node: task,
        fields: fieldsOf(merged, `task ${name}`),
        group: within?.name,
      };
    });
    for (const it of this.#tasks) this.#ids.set(it.name, it.id);
    for (const it of this.#tasks) this.#ids.set(it.id, it.id);
  }

  /** To be called while the DAG is being written. @throws {ConfigurationError} where it is wrong. */
  build(): void {
    this.#buildLevel(undefined);
    for (const task of this.#tasks) this.#linkTask(task);
    for (const it of this.#groups.values()) this.#linkGroup(it);
  }

  #buildLevel(parent: string | undefined): void {
    for (const task of this.#tasks.filter((it) => it.group === parent)) this.#declare(task);
    for (const it of [...this.#groups.values()].filter((one) => one.parent === parent)) {
      const tooltip = it.fields.get("tooltip");
      at(it.node, () => {
        openGroup(
          it.name,
          () => {
            this.#buildLevel(it.name);
          },
          {
            ...(tooltip === undefined ? {} : { tooltip: text(tooltip) }),
            expand: this.#groupExpand(it),
          },
        );
      });
    }
  }

  #declare(task: Written): void {
    const operatorNode = task.fields.get("operator") ?? task.fields.get("decorator");
    if (operatorNode === undefined) {
      throw new ConfigurationError(task.node.keyPlace, `task ${task.name} has no operator`);
    }
    const { name, form, defaults } = findOperator(operatorNode, text(operatorNode));
    const callbacks = readCallbacks(task.fields, this.#findFunction);
    const settings = readTaskSettings(withoutKeys(task.fields, callbackKeys));
    const { left } = settings;
    const options = { ...settings.options, ...callbacks };
    const { read, left: rest } = readFields(left, structureReaders);
    const run = this.#runOf(task, form, read);
    const sensor = form.isSensor === true ? readFields(rest, sensorReaders) : undefined;
    const given: Record<string, Json> = {
      ...defaults,
      ...this.#arguments(task, form, sensor?.left ?? rest),
    };
    if (form.keepsOutputSetting === true) given["doXcomPush"] = options.doXcomPush ?? false;
    const expand = this.#expand(task, form);
    if (run === undefined) requireArguments(task, form, { ...given, ...expand?.over });
    const draft = at(task.node, () =>
      operatorTask(name, task.name, {
        options,
        arguments: sensor === undefined ? given : { sensor: sensor.read, ...given },
        ...(run === undefined ? {} : { run }),
        ...(expand === undefined ? {} : { expand }),
        ...(read["ignoreRules"] === false ? { ignoreDownstreamTriggerRules: false } : {}),
      }),
    ).task;
    if (read["setup"] === true) draft.setup = true;
    if (read["teardown"] === true) draft.teardown = true;
    draft.failsRun = read["failsRun"] === true;
    this.#drafts.set(task.id, draft);
  }

  #runOf(
    task: Written,
    form: OperatorForm,
    read: Readonly<Record<string, unknown>>,
  ): TaskFunction | undefined {
    const file = read["callableFile"];
    const name = read["callableName"];
    const node = task.fields.get("callable_file") ?? task.node;
    if (typeof file !== "string") {
      if (form.callable !== "required") return undefined;
      const reason = `task ${task.name} needs callable_file, a TypeScript file, and callable_name`;
      throw new ConfigurationError(node.keyPlace, reason);
    }
    if (form.callable === undefined) {
      throw new ConfigurationError(node.keyPlace, "this operator runs no function");
    }
    return at(node, () => this.#findFunction(file, typeof name === "string" ? name : task.name));
  }

  #arguments(task: Written, form: OperatorForm, left: Fields): Record<string, Json> {
    const given: Record<string, Json> = {};
    const unknown = new Map<string, Node>();
    // Defaults may be for the arguments of other operators.
    const own = fieldsOf(task.node, `task ${task.name}`);
    const partial = fieldsOf(left.get("partial"), "partial");
    for (const [key, node] of [...left, ...partial]) {
      if (key === "partial" || key === "expand") continue;
      const name = argumentName(form, key) ?? (form.open === true ? key : undefined);
      if (name === undefined) {
        if (own.has(key) || partial.has(key)) unknown.set(key, node);
      } else if (form.durations?.includes(name) === true) given[name] = duration(node);
      else if (node.value !== null) given[name] = this.#json(node);
    }
    const known = [...form.arguments, ...Object.keys(form.aliases ?? {}), ...taskSettingNames];
    refuseUnknown(unknown, `task ${task.name}`, known);
    return given;
  }

  #expand(
    task: Written,
    form: OperatorForm,
  ): { readonly kind: "product"; readonly over: Record<string, Json> } | undefined {
    const node = task.fields.get("expand");
    if (node === undefined || node.value === null) return undefined;
    const over: Record<string, Json> = {};
    for (const [key, it] of fieldsOf(node, "expand")) {
      const name = argumentName(form, key) ?? (form.open === true ? key : undefined);
      if (name === undefined) {
        throw new ConfigurationError(it.keyPlace, `task ${task.name} has no argument '${key}'`);
      }
      over[name] = this.#json(it);
    }
    return { kind: "product", over };
  }

  /** What a group is repeated over. */
  #groupExpand(
    of: WrittenGroup,
  ): { readonly kind: "product"; readonly over: Record<string, Json> } | undefined {
    const node = of.fields.get("expand");
    if (node === undefined || node.value === null) return undefined;
    const entries = [...fieldsOf(node, "expand")].map(
      ([key, it]) => [key, this.#json(it)] as const,
    );
    return { kind: "product", over: Object.fromEntries(entries) };
  }

  #json(node: Node): Json {
    return withReferences(node, (name) => this.#ids.get(name));
  }

  #linkTask(task: Written): void {
    const draft = this.#drafts.get(task.id);
    for (const [before, node] of dependenciesOf(task.fields)) {
      const own = this.#ids.get(before);
      const ids = own === undefined ? this.#leavesOf(node, before) : [own];
      for (const id of ids) draft?.upstream.add(id);
    }
    const setups = task.fields.get("setups");
    for (const node of setups === undefined ? [] : listOf((it) => it)(setups)) {
      const setup = this.#drafts.get(this.#ids.get(text(node)) ?? "");
      if (setup === undefined) {
        throw new ConfigurationError(node.place, `there is no task '${text(node)}'`);
      }
      setup.setup = true;
      draft?.upstream.add(setup.id);
    }
  }

  /** What the group waits for is waited for by the tasks that begin it. */
  #linkGroup(it: WrittenGroup): void {
    for (const [before, node] of dependenciesOf(it.fields)) {
      const own = this.#ids.get(before);
      const ids = own === undefined ? this.#leavesOf(node, before) : [own];
      const members = this.#membersOf(it.name);
      for (const draft of members.filter((one) => !isAfterAny(one, members))) {
        for (const id of ids) draft.upstream.add(id);
      }
    }
  }

  /** The tasks that end a group. */
  #leavesOf(node: Node, name: string): string[] {
    const found = this.#group(node, name);
    const members = this.#membersOf(found.name);
    return members
      .filter((it) => !members.some((other) => other.upstream.has(it.id)))
      .map((it) => it.id);
  }

  #membersOf(name: string): Draft[] {
    const { id } = this.#groups.get(name) ?? { id: name };
    return [...this.#drafts.values()].filter(
      (it) => it.group === id || it.group?.startsWith(`${id}.`) === true,
    );
  }

  #group(node: Node, name = text(node)): WrittenGroup {
    const found = this.#groups.get(name) ?? [...this.#groups.values()].find((it) => it.id === name);
    if (found !== undefined) return found;
    throw new ConfigurationError(node.place, `there is no task or group '${name}'`);
  }
}

const sensorReaders: FieldReaders = {
  poke_interval: ["pokeInterval", duration],
  pokeInterval: ["pokeInterval", duration],
  timeout: ["timeout", duration],
  mode: ["mode", oneOf(["poke", "reschedule"])],
  deferrable: ["", () => undefined],
  soft_fail: ["softFail", flag],
  softFail: ["softFail", flag],
  exponential_backoff: ["exponentialBackoff", flag],
  exponentialBackoff: ["exponentialBackoff", flag],
};

const ignore = ["", () => undefined] as const;

/** What says where a task is in its DAG. */
const structureReaders: FieldReaders = {
  task_id: ignore,
  operator: ignore,
  decorator: ignore,
  dependencies: ignore,
  task_group_name: ignore,
  setups: ignore,
  setup: ["setup", flag],
  teardown: ["teardown", flag],
  on_failure_fail_dagrun: ["failsRun", flag],
  ignore_downstream_trigger_rules: ["ignoreRules", flag],
  callable_file: ["callableFile", text],
  callable_name: ["callableName", text],
};

/** Keeps the order and places of a task; defaults may only hold settings of tasks. */
function onlySettings(task: Node): (node: Node) => Node {
  return (node) => (node === task ? node : { ...node, value: fieldsOf(node, "default_args") });
}

/** Runs `act`; what is wrong with the DAG stands at the node. */
function at<T>(node: Node, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof ConfigurationError || !(error instanceof Error)) throw error;
    if (!(error instanceof DagError)) throw new ConfigurationError(node.place, error.message);
    throw new ConfigurationError(node.keyPlace, error.message);
  }
}

function requireArguments(
  task: Written,
  form: OperatorForm,
  given: Readonly<Record<string, Json>>,
): void {
  const missing = form.required?.find((it) => given[it] === undefined);
  if (missing === undefined) return;
  throw new ConfigurationError(task.node.keyPlace, `task ${task.name} has no '${missing}'`);
}

function dependenciesOf(fields: Fields): [string, Node][] {
  const node = fields.get("dependencies");
  if (node === undefined || node.value === null) return [];
  return listOf((it: Node): [string, Node] => [text(it), it])(node);
}

/** Tasks and groups are a mapping by name, or a list whose entries have their names. */
function namedNodes(
  node: Node | undefined,
  key: string,
): { readonly name: string; readonly node: Node }[] {
  if (node === undefined || node.value === null) return [];
  if (isList(node)) {
    return node.value.map((it) => {
      const named = fieldsOf(it, "an entry").get(key);
      if (named === undefined) throw new ConfigurationError(it.place, `it has no '${key}'`);
      return { name: text(named), node: it };
    });
  }
  return [...fieldsOf(node, "it")].map(([name, it]) => {
    const named = fieldsOf(it, name).get(key);
    return { name: named === undefined ? name : text(named), node: it };
  });
}

function readGroups(node: Node | undefined): Map<string, WrittenGroup> {
  const written = namedNodes(node, "group_name").map((it) => {
    const fields = fieldsOf(it.node, `group ${it.name}`);
    const parent = fields.get("parent_group_name");
    const known = [
      ...["tooltip", "dependencies", "parent_group_name", "group_name", "default_args", "expand"],
    ];
    const left = new Map(
      [...fields].filter(([key]) => ![...known, "prefix_group_id"].includes(key)),
    );
    refuseUnknown(left, `group ${it.name}`, known);
    return { ...it, fields, parent: parent === undefined ? undefined : text(parent) };
  });
  const byName = new Map(written.map((it) => [it.name, it]));
  function idOf(name: string, trail: readonly string[]): string {
    const found = byName.get(name);
    if (found?.parent === undefined) return name;
    const above = byName.get(found.parent);
    if (above === undefined || trail.includes(name)) {
      const reason = `group ${name} cannot be in '${found.parent}'`;
      throw new ConfigurationError(found.node.place, reason);
    }
    return `${idOf(found.parent, [...trail, name])}.${name}`;
  }
  return new Map(written.map((it) => [it.name, { ...it, id: idOf(it.name, []) }]));
}

function withoutKeys(fields: Fields, keys: readonly string[]): Fields {
  return new Map([...fields].filter(([key]) => !keys.includes(key)));
}

function isAfterAny(draft: Draft, others: readonly Draft[]): boolean {
  return others.some((it) => draft.upstream.has(it.id));
}
