import {
  bodyName,
  TemplateError,
  type BlockNode,
  type Expression,
  type MacroNode,
  type Node,
  usesName,
} from "./ast.ts";
import { Expressions } from "./expressions.ts";
import { assign, loopOf, Namespace, within, type LoopMemory, type Names } from "./scope.ts";
import { isList, isTrue, itemsOf, textOf, Tuple, type Call, type Value } from "./values.ts";

/** Most characters that a template may become. */
export const resultLengthMax = 4_194_304;
/** Deepest nesting of templates and macros that use others. */
const depthMax = 60;

/** What a template includes, extends or imports, by its name; undefined when there is none. */
export type Sources = (name: string) => readonly Node[] | undefined;

/** Fills in a template. @throws {TemplateError} */
export function evaluate(nodes: readonly Node[], names: Names, sources?: Sources): string {
  return new Evaluation(sources).template(nodes, names).text;
}

/** The blocks of a template and of those it extends, by name; the one that counts is the first. */
type Blocks = Map<string, BlockNode[]>;

/** Where a node is evaluated. */
interface Place {
  readonly names: Names;
  /** What this scope sets. */
  readonly own: Map<string, Value>;
  /** Names of the whole template, for blocks that are not scoped. */
  readonly top: Names;
  readonly blocks: Blocks;
}

class Evaluation {
  readonly #sources: Sources | undefined;
  readonly #expressions = new Expressions();
  #length = 0;
  #depth = 0;

  constructor(sources?: Sources) {
    this.#sources = sources;
  }

  /** A whole template, or what it extends with its blocks. @returns also the names that it sets. */
  template(
    nodes: readonly Node[],
    outer: Names,
    blocks: Blocks = new Map(),
  ): { readonly text: string; readonly exported: ReadonlyMap<string, Value> } {
    const own = new Map<string, Value>();
    let self: Value = null;
    const known = within(own, outer);
    const names: Names = (name) => (name === "self" ? self : known(name));
    const place = { names, own, top: names, blocks };
    self = {
      attribute: (name) => (blocks.has(name) ? () => this.#block(name, 0, place) : undefined),
      text: () => "<template>",
    };
    collectBlocks(nodes, blocks);
    let text = "";
    let parent: readonly Node[] | undefined;
    for (const node of nodes) {
      if (node.kind === "extends") {
        if (parent !== undefined) throw new TemplateError("a template can extend one other only");
        parent = this.#source(this.#expressions.value(node.parent, names));
      } else if (parent === undefined) text += this.#node(node, place);
      else if (!printing.has(node.kind)) this.#node(node, place);
    }
    if (parent !== undefined) {
      const above = parent;
      text += this.#deeper(() => this.template(above, names, blocks).text);
    }
    return { text, exported: own };
  }

  /** What stands in a scope of its own. */
  body(nodes: readonly Node[], outer: Place, values?: ReadonlyMap<string, Value>): string {
    const own = new Map<string, Value>(values);
    const place = { ...outer, own, names: within(own, outer.names) };
    return nodes.map((it) => this.#node(it, place)).join("");
  }

  #node(node: Node, place: Place): string {
    this.#expressions.step();
    if (isDefinition(node)) return this.#definition(node, place);
    const { names, own } = place;
    switch (node.kind) {
      case "text":
        return this.#emit(node.text);
      case "output":
        return this.#emit(textOf(this.#expressions.value(node.expression, names)));
      case "do":
        this.#expressions.value(node.expression, names);
        return "";
      case "set":
        assign(node.names, this.#expressions.value(node.value, names), own);
        return "";
      case "if":
        return this.#if(node, place);
      case "for":
        return this.#for(node, place);
      case "with":
        return this.#with(node, place);
      case "block":
        return this.#block(node.name, 0, node.scoped ? place : { ...place, names: place.top });
      case "include":
        return this.#include(node, place);
      case "extends":
        throw new TemplateError("'{% extends %}' must not be inside another tag");
    }
  }

  /** Tags that capture what their body becomes. */
  #definition(node: Definition, place: Place): string {
    const { names, own } = place;
    switch (node.kind) {
      case "set_block":
        own.set(node.name, this.#filtered(node, place));
        return "";
      case "filter_block":
        return this.#emit(textOf(this.#filtered(node, place)));
      case "set_attribute": {
        const of = this.#expressions.name(node.of, names);
        if (!(of instanceof Namespace)) {
          throw new TemplateError(`'${node.of}' is no namespace(): nothing can be set in it`);
        }
        of.set(node.name, this.#expressions.value(node.value, names));
        return "";
      }
      case "macro":
        own.set(node.name, this.#macro(node, place));
        return "";
      case "call_block": {
        const caller = this.#macro({ ...node, name: "caller" }, place);
        const { positional, named } = this.#expressions.arguments(node.call.given, names);
        const call = { positional, named: new Map([...named, ["caller", caller] as const]) };
        return this.#emit(
          textOf(this.#expressions.call(this.#expressions.value(node.call.of, names), call)),
        );
      }
      case "import":
        this.#import(node, place);
        return "";
    }
  }

  #filtered(
    { body, value }: { readonly body: readonly Node[]; readonly value: Expression },
    place: Place,
  ): Value {
    const text = this.body(body, place);
    return this.#expressions.value(value, within(new Map([[bodyName, text]]), place.names));
  }

  #with(node: Extract<Node, { readonly kind: "with" }>, place: Place): string {
    const values = node.values.map(
      ([name, it]) => [name, this.#expressions.value(it, place.names)] as const,
    );
    return this.body(node.body, place, new Map(values));
  }

  /** A function that gives what the body becomes with its parameters. */
  #macro(node: Pick<MacroNode, "name" | "parameters" | "body">, place: Place): Value {
    const { name, parameters, body } = node;
    const act = (call: Call): Value => {
      const scope = new Map<string, Value>();
      checkGiven(node, call);
      const known = new Set(parameters.map((it) => it.name));
      const rest = call.positional.slice(parameters.length);
      scope.set("varargs", Tuple.from(rest));
      const extra = [...call.named].filter(([it]) => !known.has(it));
      scope.set("kwargs", new Map(extra));
      const caller = call.named.get("caller");
      if (caller !== undefined) scope.set("caller", caller);
      for (const [at, { name: parameter, fallback }] of parameters.entries()) {
        const given = call.positional[at] ?? call.named.get(parameter);
        if (given !== undefined) scope.set(parameter, given);
        else if (fallback !== undefined) {
          scope.set(parameter, this.#expressions.value(fallback, within(scope, place.names)));
        } else throw new TemplateError(`${name}(…): parameter '${parameter}' was not provided`);
      }
      return this.#deeper(() => this.body(body, place, scope));
    };
    const about = new Map<string, Value>([
      ["__call__", act],
      ["name", name],
      ["arguments", Tuple.from(parameters.map((it) => it.name))],
    ]);
    return { attribute: (it) => about.get(it), text: () => `<Macro '${name}'>` };
  }

  /** The block of that name that counts, or one of those that it replaces. */
  #block(name: string, level: number, place: Place): string {
    const block = place.blocks.get(name)?.[level];
    if (block === undefined) throw new TemplateError(`there is no block '${name}' to be put here`);
    if (block.required) throw new TemplateError(`the block '${name}' must be given`);
    const scope = new Map([["super", () => this.#block(name, level + 1, place)]]);
    return this.#deeper(() => this.body(block.body, place, scope));
  }

  #include(node: Extract<Node, { readonly kind: "include" }>, place: Place): string {
    const wanted = this.#expressions.value(node.of, place.names);
    const all = isList(wanted) ? wanted : [wanted];
    const found = all.map((it) => this.#sources?.(textOf(it))).find((it) => it !== undefined);
    if (found === undefined && node.ignoreMissing) return "";
    const nodes = found ?? this.#source(all[0] ?? null);
    return this.#deeper(() => this.template(nodes, node.withContext ? place.names : nothing).text);
  }

  #import(node: Extract<Node, { readonly kind: "import" }>, { names, own }: Place): void {
    const nodes = this.#source(this.#expressions.value(node.of, names));
    const before = this.#length;
    const { exported } = this.#deeper(() =>
      this.template(nodes, node.withContext ? names : nothing),
    );
    this.#length = before;
    const member = (name: string): Value | undefined =>
      name.startsWith("_") ? undefined : exported.get(name);
    if (node.as !== undefined) {
      own.set(node.as, { attribute: member, text: () => "<template>" });
    }
    for (const [name, as] of node.names) {
      const value = member(name);
      if (value === undefined) throw new TemplateError(`the imported template has no '${name}'`);
      own.set(as, value);
    }
  }

  #source(name: Value): readonly Node[] {
    const found = this.#sources?.(textOf(name));
    if (found !== undefined) return found;
    throw new TemplateError(
      `there is no template '${textOf(name)}' in the folder of the DAG's file or its templateSearchpath`,
    );
  }

  /** Templates and macros that call themselves come to an end. */
  #deeper<T>(act: () => T): T {
    this.#depth += 1;
    if (this.#depth > depthMax) throw new TemplateError("the template is nested too deeply");
    try {
      return act();
    } finally {
      this.#depth -= 1;
    }
  }

  #emit(text: string): string {
    this.#length += text.length;
    if (this.#length <= resultLengthMax) return text;
    throw new TemplateError(`the template becomes longer than ${resultLengthMax} characters`);
  }

  /** What is set inside a branch is seen after it. */
  #if(node: Extract<Node, { readonly kind: "if" }>, place: Place): string {
    for (const { condition, body } of node.branches) {
      if (condition === undefined || isTrue(this.#expressions.value(condition, place.names))) {
        return body.map((it) => this.#node(it, place)).join("");
      }
    }
    return "";
  }

  #for(node: Extract<Node, { readonly kind: "for" }>, place: Place): string {
    const { names } = place;
    const scopes = itemsOf(this.#expressions.value(node.over, names)).map((item) => {
      const scope = new Map<string, Value>();
      assign(node.names, item, scope);
      return { item, scope };
    });
    const { only } = node;
    const kept = scopes.filter(({ scope }) => {
      if (only === undefined) return true;
      return isTrue(this.#expressions.value(only, within(scope, names)));
    });
    if (kept.length === 0) return this.body(node.otherwise, place);
    const items = kept.map(({ item }) => item);
    const memory: LoopMemory = {};
    let result = "";
    for (const [at, { scope }] of kept.entries()) {
      scope.set("loop", loopOf(at, items, memory));
      result += this.body(node.body, place, scope);
    }
    return result;
  }
}

/** @throws {TemplateError} at what a macro does not take: only one that uses them gets further ones. */
function checkGiven(
  { name, parameters, body }: Pick<MacroNode, "name" | "parameters" | "body">,
  { positional, named }: Call,
): void {
  if (positional.length > parameters.length && !usesName(body, "varargs")) {
    throw new TemplateError(`${name}(…) takes at most ${parameters.length} arguments`);
  }
  const known = new Set(["caller", ...parameters.map((it) => it.name)]);
  const unknown = [...named.keys()].find((it) => !known.has(it));
  if (unknown !== undefined && !usesName(body, "kwargs")) {
    throw new TemplateError(`${name}(…) takes no argument '${unknown}'`);
  }
}

/** Of nodes that print, and so do nothing after `extends`. */
const printing: ReadonlySet<Node["kind"]> = new Set(["text", "output", "block", "include"]);

const definitions = [
  "set_block",
  "filter_block",
  "set_attribute",
  "macro",
  "call_block",
  "import",
] as const;
type Definition = Extract<Node, { readonly kind: (typeof definitions)[number] }>;

function isDefinition(node: Node): node is Definition {
  return definitions.some((it) => it === node.kind);
}

/** Adds the blocks of a template behind those of the ones that extend it. */
function collectBlocks(nodes: readonly Node[], blocks: Blocks): void {
  for (const node of nodes) {
    if (node.kind === "block") {
      const known = blocks.get(node.name);
      if (known === undefined) blocks.set(node.name, [node]);
      else known.push(node);
    }
    if (node.kind === "if") for (const it of node.branches) collectBlocks(it.body, blocks);
    else if ("body" in node) collectBlocks(node.body, blocks);
  }
}

/** What an imported template knows of the task: nothing. */
function nothing(): undefined {
  return undefined;
}
