import type { Json, JsonObject } from "#api/object.ts";
import { ok, type Answer } from "#workflows/api/exchange.ts";
import {
  json,
  list,
  nullable,
  oneOf,
  readBody,
  required,
  text,
  withDefault,
  type Fields,
  type Values,
} from "#workflows/api/fields.ts";
import type { ApiPorts } from "#workflows/api/ports.ts";
import { ApiProblem } from "#workflows/api/problem.ts";
import { route, type Route } from "#workflows/api/routing.ts";
import type { Subject } from "#workflows/api/auth/roles.ts";

/** Most entities of one request. */
const entitiesMax = 10_000;

/** Things that are made, changed and deleted many at a time, each known by one field. */
export interface BulkSpec<F extends Fields> {
  readonly path: string;
  readonly subject: Subject;
  /** The fields of one. */
  readonly entity: F;
  /** The field that names one. */
  readonly id: string;
  /** As in "The pools with these pool names: {…} were not found." */
  readonly plural: string;
  exists(ports: ApiPorts, id: string): Promise<boolean>;
  save(ports: ApiPorts, entity: Values<F>, mask: readonly string[] | undefined): Promise<void>;
  remove(ports: ApiPorts, id: string): Promise<void>;
}

const actionFields = {
  action: required(oneOf(["create", "update", "delete"])),
  entities: required(list(json())),
  action_on_existence: withDefault(oneOf(["fail", "skip", "overwrite"]), "fail"),
  action_on_non_existence: withDefault(oneOf(["fail", "skip"]), "fail"),
  update_mask: nullable(list(text())),
};
export type Action = Values<typeof actionFields>;

/** What came of an action. */
export interface Outcome {
  readonly success: string[];
  readonly errors: JsonObject[];
}

/** The body of a request of many actions. */
export const bulkBody = { actions: required(list(json())) };

/** Runs the actions of a request in order, of which each that fails is told and undoes nothing. */
export async function bulkAnswer(
  body: Values<typeof bulkBody>,
  act: (action: Action, outcome: Outcome, at: number) => Promise<void>,
): Promise<Answer> {
  const outcomes: Record<string, Outcome> = {};
  const actions = body.actions.map((it, at) => readBody(actionFields, it, ["body", "actions", at]));
  const count = actions.reduce((sum, it) => sum + it.entities.length, 0);
  if (count > entitiesMax) throw new ApiProblem(413, `More than ${entitiesMax} entities`);
  for (const [at, action] of actions.entries()) {
    const outcome = (outcomes[action.action] ??= { success: [], errors: [] });
    try {
      await act(action, outcome, at);
    } catch (error) {
      outcome.errors.push(refusal(error));
    }
  }
  const shown = ["create", "update", "delete"].map((it) => [it, (outcomes[it] ?? null) as Json]);
  return ok(Object.fromEntries(shown) as JsonObject);
}

/** A problem as an action tells of it. @throws whatever else it is. */
export function refusal(error: unknown): JsonObject {
  if (!(error instanceof ApiProblem)) throw error;
  const detail = typeof error.detail === "string" ? error.detail : error.message;
  return { error: detail, status_code: error.status };
}

/** `PATCH` of a collection. */
export function bulkRoute<F extends Fields>(spec: BulkSpec<F>): Route {
  return route({
    method: "PATCH",
    path: spec.path,
    subject: spec.subject,
    body: bulkBody,
    handle: async ({ body, ports }) =>
      await bulkAnswer(body, async (action, outcome, at) => {
        outcome.success.push(...(await act(spec, ports, action, at)));
      }),
  });
}

/** @returns the ids of what was changed. @throws {ApiProblem} */
async function act<F extends Fields>(
  spec: BulkSpec<F>,
  ports: ApiPorts,
  action: Action,
  at: number,
): Promise<readonly string[]> {
  const loc = ["body", "actions", at, "entities"];
  const isDelete = action.action === "delete";
  const wanted = action.entities.map((it, index) => ({
    id: idOf(spec, it, [...loc, index]),
    entity: isDelete ? undefined : readBody(spec.entity, it, [...loc, index]),
  }));
  const known = new Set<string>();
  for (const { id } of wanted) if (await spec.exists(ports, id)) known.add(id);
  const ids = wanted.map((it) => it.id);
  if (action.action === "create") {
    const taken = ids.filter((it) => known.has(it));
    if (taken.length > 0 && action.action_on_existence === "fail") {
      throw new ApiProblem(409, `The ${spec.plural}: ${inBraces(taken)} already exist.`);
    }
  } else {
    const missing = ids.filter((it) => !known.has(it));
    if (missing.length > 0 && action.action_on_non_existence === "fail") {
      throw new ApiProblem(404, `The ${spec.plural}: ${inBraces(missing)} were not found.`);
    }
  }
  const done: string[] = [];
  for (const { id, entity } of wanted) {
    const isNew = !known.has(id);
    const isSkipped =
      action.action === "create" ? !isNew && action.action_on_existence === "skip" : isNew;
    if (isSkipped) continue;
    if (entity === undefined) await spec.remove(ports, id);
    else await spec.save(ports, entity, action.update_mask ?? undefined);
    done.push(id);
  }
  return done;
}

function idOf<F extends Fields>(
  spec: BulkSpec<F>,
  entity: Json,
  loc: readonly (string | number)[],
): string {
  if (typeof entity === "string") return entity;
  const isObject = typeof entity === "object" && entity !== null && !Array.isArray(entity);
  const id = isObject ? entity[spec.id] : undefined;
  if (typeof id === "string") return id;
  const msg = "Field required";
  throw new ApiProblem(422, [{ type: "missing", loc: [...loc, spec.id], msg, input: entity }]);
}

function inBraces(ids: readonly string[]): string {
  return `{${ids.map((it) => `'${it}'`).join(", ")}}`;
}
