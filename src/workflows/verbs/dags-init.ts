import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where an editor finds the types of what authors import. */
export interface TypesPlace {
  /** The module `gantry/workflows`, in TypeScript. */
  readonly workflows: string;
  /** The folder with the types of Node.js. */
  readonly packageTypes: string;
}

/**
 * Makes the folder of DAGs one that editors understand: a `tsconfig.json` by which `gantry/workflows` is
 * found, and the compiler checks what tasks hand on. @returns the path of what it has written.
 * @throws {Error} when there is one already, saying what to add to it.
 */
export function dagsInit(folder: string, place: TypesPlace): string {
  const path = join(folder, "tsconfig.json");
  const { paths, typeRoots } = authorOptions(place);
  if (existsSync(path)) {
    const added = JSON.stringify({ compilerOptions: { paths, typeRoots } });
    throw new Error(`${path} is there already; add to it: ${added}`);
  }
  mkdirSync(folder, { recursive: true });
  const settings = {
    compilerOptions: authorOptions(place),
    include: ["**/*.ts"],
    exclude: ["node_modules"],
  };
  writeFileSync(path, `${JSON.stringify(settings, undefined, 2)}\n`);
  return path;
}

function authorOptions({ workflows, packageTypes }: TypesPlace): {
  readonly paths: object;
  readonly typeRoots: readonly string[];
} {
  const options = {
    target: "es2024",
    lib: ["es2024", "esnext.disposable"],
    module: "preserve",
    moduleDetection: "force",
    noEmit: true,
    strict: true,
    // What Node takes as it is: files run without a build step.
    allowImportingTsExtensions: true,
    erasableSyntaxOnly: true,
    verbatimModuleSyntax: true,
    skipLibCheck: true,
    types: ["node"],
  };
  const paths = { "gantry/workflows": [workflows] };
  return { ...options, paths, typeRoots: [packageTypes] };
}
