import type { JsonObject } from "#api/object.ts";
import { roles } from "#workflows/api/auth/roles.ts";
import type { Configuration } from "#workflows/configuration.ts";
import type { Form } from "./dags.ts";
import { formatRows } from "./output.ts";

/** Settings as a file of them: sections, options, values. @throws {Error} for an unknown section. */
export function configList(configuration: Configuration, section: string | undefined): string {
  const sections = [...configuration].filter(([name]) => section === undefined || name === section);
  if (sections.length === 0) throw new Error(`there is no section [${String(section)}]`);
  return sections
    .map(([name, options]) => {
      const lines = [...options].map(([key, value]) => `${key} = ${value}`);
      return [`[${name}]`, ...lines, "", ""].join("\n");
    })
    .join("");
}

/** One setting. @throws {Error} when there is none. */
export function configValue(configuration: Configuration, section: string, option: string): string {
  const value = configuration.get(section)?.get(option);
  if (value !== undefined) return `${value}\n`;
  throw new Error(`The option [${section}/${option}] is not found in config.`);
}

/** Facts as rows of a name and a value. */
export function factRows(facts: JsonObject, { output }: Form): string {
  const rows = Object.entries(facts).map(([name, value]) => ({ name, value: value ?? null }));
  return formatRows(output === "json" || output === "yaml" ? [facts] : rows, output);
}

/** What each role may do beyond those before it. */
const rights: Readonly<Record<(typeof roles)[number], string>> = {
  viewer: "reads DAGs, runs, logs, assets and pools",
  user: "also runs, clears, marks and deletes DAGs and runs",
  op: "also reads and changes variables, connections, pools and assets",
  admin: "everything",
};

/** The roles that accounts of the REST API may have. */
export function rolesList({ output }: Form): string {
  return formatRows(
    roles.map((name) => ({ name, rights: rights[name] })),
    output,
  );
}
