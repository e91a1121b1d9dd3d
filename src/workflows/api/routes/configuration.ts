import type { JsonObject } from "#api/object.ts";
import { ok, type Answer } from "#workflows/api/exchange.ts";
import { text } from "#workflows/api/fields.ts";
import type { ApiPorts } from "#workflows/api/ports.ts";
import { ApiProblem, notFound } from "#workflows/api/problem.ts";
import { route, type Call, type Route } from "#workflows/api/routing.ts";
import type { Configuration } from "#workflows/configuration.ts";
import { inPath } from "./find.ts";

/** @throws {ApiProblem} 403 where it is not to be shown. */
function shown({ configuration }: ApiPorts): Configuration {
  if (configuration !== undefined) return configuration;
  throw new ApiProblem(
    403,
    "Your Airflow administrator chose not to expose the configuration, most likely for security reasons.",
  );
}

/** As `Config`, or as a file of settings where the client takes text alone. */
function answerOf({ request }: Pick<Call, "request">, configuration: Configuration): Answer {
  const sections = [...configuration].map(([name, options]): JsonObject => ({
    name,
    options: [...options].map(([key, value]) => ({ key, value })),
  }));
  if (!request.accept.startsWith("text/plain")) return ok({ sections });
  const lines = [...configuration].map(([name, options]) =>
    [`[${name}]`, ...[...options].map(([key, value]) => `${key} = ${value}`), ""].join("\n"),
  );
  return { status: 200, body: { kind: "text", type: "text/plain", text: lines.join("\n") } };
}

/** The settings of the installation, where it was asked to show them. */
export const configurationRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/config",
    subject: "configuration",
    query: { section: text() },
    handle: async (call) => {
      const all = shown(call.ports);
      const { section } = call.query;
      if (section === undefined || section === "") return answerOf(call, all);
      const options = all.get(section);
      if (options === undefined) throw notFound(`Section ${section} not found.`);
      return answerOf(call, new Map([[section, options]]));
    },
  }),
  route({
    method: "GET",
    path: "/config/section/{section}/option/{option}",
    subject: "configuration",
    handle: async (call) => {
      const [section, option] = [inPath(call, "section"), inPath(call, "option")];
      const value = shown(call.ports).get(section)?.get(option);
      if (value === undefined) throw notFound(`Option [${section}/${option}] not found.`);
      return answerOf(call, new Map([[section, new Map([[option, value]])]]));
    },
  }),
];
