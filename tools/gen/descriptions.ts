// Writes src/api/gen/descriptions.json: what the models of @kubernetes/client-node say about each
// type and field, for OpenAPI and so for `kubectl explain`. Run: node tools/gen/descriptions.ts
import { writeFileSync } from "node:fs";
import { builtinTypes } from "#api/schema/builtin.ts";
import { modelNames } from "./model-names.ts";
import { readModels } from "./models.ts";

/** The text of src/api/gen/descriptions.json: by definition, the type's own under the empty key. */
export async function renderDescriptions(): Promise<string> {
  const names = modelNames([...builtinTypes.names()]);
  const output: Record<string, Record<string, string>> = {};
  for (const model of await readModels()) {
    const definition = names.get(model.name);
    if (definition === undefined) continue;
    const texts = [["", model.description], ...model.fields.map((it) => [it.name, it.description])];
    output[definition] = Object.fromEntries(
      texts.filter((it) => it[1] !== "").map(([name = "", text = ""]) => [name, plain(text)]),
    );
  }
  return `${JSON.stringify(output, null, 1)}\n`;
}

/** The models escape quotes and the end of a comment. */
function plain(text: string): string {
  return text.replaceAll(/\\(["'/\\])/g, "$1");
}

if (import.meta.main) writeFileSync("src/api/gen/descriptions.json", await renderDescriptions());
