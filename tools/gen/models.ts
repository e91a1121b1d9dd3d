import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

/** One attribute of a model in `@kubernetes/client-node`, joined with its declaration. */
export interface ModelField {
  readonly name: string;
  /** As the package spells it: `string`, `Date`, `Array<V1Container>`, `{ [key: string]: string; }`. */
  readonly type: string;
  /** OpenAPI format: `int32`, `int64`, `date-time`, `byte`, `double`, or empty. */
  readonly format: string;
  readonly required: boolean;
  readonly description: string;
}

export interface Model {
  readonly name: string;
  readonly description: string;
  readonly fields: readonly ModelField[];
}

interface ModelClass {
  readonly attributeTypeMap: readonly {
    baseName: string;
    name: string;
    type: string;
    format: string;
  }[];
}

const require = createRequire(import.meta.url);

function modelsFolder(): string {
  const entry = require.resolve("@kubernetes/client-node");
  return join(dirname(entry), "gen", "models");
}

/** Reads every model of a stable version (`V1…`, `V2…` and the renamed ones) from the package. */
export async function readModels(): Promise<Model[]> {
  const folder = modelsFolder();
  const all = readFileSync(join(folder, "all.d.ts"), "utf8");
  const names = [...all.matchAll(/'\.\.\/models\/(\w+)\.js'/g)].map((it) => it[1] ?? "");
  const stable = names.filter((it) => !/V\d(alpha|beta)\d/.test(it) && it !== "ObjectSerializer");
  return await Promise.all(stable.map(async (name) => await readModel(folder, name)));
}

async function readModel(folder: string, name: string): Promise<Model> {
  const url = pathToFileURL(join(folder, `${name}.js`)).href;
  const loaded = (await import(url)) as Record<string, ModelClass>;
  const declared = readFileSync(join(folder, `${name}.d.ts`), "utf8");
  const map = loaded[name]?.attributeTypeMap ?? [];
  const fields = map.map((it) => {
    const found = new RegExp(
      String.raw`/\*\*\n((?:    \*.*\n)*?)    \*/\n    '${it.name}'(\??):`,
    ).exec(declared);
    const bare = new RegExp(String.raw`    '${it.name}'(\??):`).exec(declared);
    return {
      name: it.baseName,
      type: it.type,
      format: it.format,
      required: (found?.[2] ?? bare?.[1]) !== "?",
      description: (found?.[1] ?? "").replaceAll(/^ {4}\* ?/gm, "").trim(),
    };
  });
  const about = /\/\*\*\n((?:\*.*\n)*?)\*\/\nexport declare class/.exec(declared);
  return { name, fields, description: (about?.[1] ?? "").replaceAll(/^\* ?/gm, "").trim() };
}
