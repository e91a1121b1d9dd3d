import type { Json } from "#api/object.ts";
import type { Answer, ApiRequest } from "./exchange.ts";
import { readBody, readQuery, type Fields, type Values } from "./fields.ts";
import type { ApiPorts } from "./ports.ts";
import { ApiProblem } from "./problem.ts";
import type { Subject, User } from "./auth/roles.ts";

export type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";

/** One call of an operation, with what it was given. */
export interface Call<Q = unknown, B = unknown> {
  /** The path's variables. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: Q;
  readonly body: B;
  readonly user: User;
  readonly request: ApiRequest;
  readonly ports: ApiPorts;
}

interface Operation {
  readonly method: Method;
  /** Below `/api/v2`: `/dags/{dag_id}`. */
  readonly path: string;
  /** What it is about, for who may do it; undefined: anybody. */
  readonly subject: Subject | undefined;
  /** A POST that only asks. */
  readonly reads?: boolean;
}

/** An operation of the API, as data. */
export interface Route extends Operation {
  /** Names of its parameters in the query. */
  readonly parameters: readonly string[];
  answer(call: Omit<Call, "query" | "body">): Promise<Answer>;
}

/** An operation whose parameters and body are declared. */
export interface RouteSpec<Q extends Fields, B extends Fields> extends Operation {
  readonly query?: Q;
  /** Fields of a JSON object. Undefined: the body is not looked at. */
  readonly body?: B;
  /** No body is one with nothing in it. */
  readonly isBodyOptional?: boolean;
  handle(call: Call<Values<Q>, Values<B>>): Promise<Answer>;
}

/** An operation that reads what it is given before it begins. */
export function route<Q extends Fields = object & Fields, B extends Fields = object & Fields>(
  spec: RouteSpec<Q, B>,
): Route {
  const { method, path, subject, reads = false } = spec;
  return {
    method,
    path,
    subject,
    reads,
    parameters: Object.keys(spec.query ?? {}),
    answer: async (call) => {
      const query = readQuery(spec.query ?? ({} as Q), call.request.query);
      const body = readBody(spec.body ?? ({} as B), await givenBody(spec, call.request));
      return await spec.handle({ ...call, query, body });
    },
  };
}

async function givenBody(
  { body, isBodyOptional = false }: Pick<RouteSpec<Fields, Fields>, "body" | "isBodyOptional">,
  request: ApiRequest,
): Promise<Json> {
  if (body === undefined) return {};
  const isEmpty = isBodyOptional && (await request.body()).length === 0;
  return isEmpty ? {} : await readJson(request);
}

/** The JSON of a body. @throws {ApiProblem} 422 when it is none. */
export async function readJson(request: ApiRequest): Promise<Json> {
  const bytes = await request.body();
  if (bytes.length === 0) {
    const missing = { type: "missing", loc: ["body"], msg: "Field required", input: null };
    throw new ApiProblem(422, [missing]);
  }
  try {
    return JSON.parse(bytes.toString("utf8")) as Json;
  } catch {
    const fault = { type: "json_invalid", loc: ["body", 0], msg: "JSON decode error", input: {} };
    throw new ApiProblem(422, [fault]);
  }
}

export type Match =
  | {
      readonly kind: "route";
      readonly route: Route;
      readonly path: Readonly<Record<string, string>>;
    }
  | { readonly kind: "method"; readonly allowed: readonly Method[] }
  | { readonly kind: "none" };

interface Node {
  readonly fixed: Map<string, Node>;
  variable: { readonly name: string; readonly node: Node } | undefined;
  readonly routes: Map<string, { readonly route: Route; readonly names: readonly string[] }>;
}

/** Finds the operation for a method and path; a fixed part goes before a variable. */
export class RouteTable {
  readonly #root: Node = newNode();

  constructor(routes: readonly Route[]) {
    for (const it of routes) this.#add(it);
  }

  /** @param segments decoded parts of the path, without the prefix. */
  find(method: string, segments: readonly string[]): Match {
    const found = search(this.#root, segments, 0, []);
    if (found === undefined) return { kind: "none" };
    const entry = found.node.routes.get(method);
    if (entry === undefined) {
      return { kind: "method", allowed: [...found.node.routes.keys()] as Method[] };
    }
    const { route: it, names } = entry;
    const path = Object.fromEntries(names.map((name, at) => [name, found.values[at] ?? ""]));
    return { kind: "route", route: it, path };
  }

  #add(it: Route): void {
    let node = this.#root;
    const names: string[] = [];
    for (const part of it.path.split("/").slice(1)) {
      const name = /^\{(\w+)\}$/.exec(part)?.[1];
      if (name !== undefined) {
        names.push(name);
        node.variable ??= { name, node: newNode() };
        node = node.variable.node;
      } else {
        const next = node.fixed.get(part) ?? newNode();
        node.fixed.set(part, next);
        node = next;
      }
    }
    node.routes.set(it.method, { route: it, names });
  }
}

function newNode(): Node {
  return { fixed: new Map(), variable: undefined, routes: new Map() };
}

function search(
  node: Node,
  segments: readonly string[],
  at: number,
  values: readonly string[],
): { readonly node: Node; readonly values: readonly string[] } | undefined {
  const part = segments[at];
  if (part === undefined) return node.routes.size === 0 ? undefined : { node, values };
  const fixed = node.fixed.get(part);
  const found = fixed && search(fixed, segments, at + 1, values);
  if (found !== undefined || node.variable === undefined || part === "") return found;
  return search(node.variable.node, segments, at + 1, [...values, part]);
}
