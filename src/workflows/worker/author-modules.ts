import { readFileSync } from "node:fs";
import { registerHooks, type LoadFnOutput, type ResolveHookContext } from "node:module";
import { join, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as workflows from "#dag/authoring/workflows.ts";
import { strippedOnce } from "./stripped.ts";

const specifier = "gantry/workflows";
const address = "gantry:workflows";

/** What has been read of the folder of DAGs; paths are below it. */
export interface Trace {
  readonly files: Record<string, string>;
  /** What patterns named. */
  readonly looked: Record<string, readonly string[]>;
}

/** The DAGs that were made while a file was read, with errors whose stacks tell where. */
export type Declared = ReadonlyMap<workflows.Dag, Error>;

/** How the code of DAGs is imported in this process. */
export class AuthorModules {
  #origin: { readonly copy: string; readonly folder: string } | undefined;
  #reading:
    | {
        readonly folder: string;
        readonly serial: number;
        readonly files: Record<string, string>;
        readonly declared: Map<workflows.Dag, Error>;
      }
    | undefined;
  /** As the author's `dag`; it is known from where each is declared while a file is read. */
  readonly #dag = (...given: Parameters<typeof workflows.dag>): workflows.Dag => {
    const made = workflows.dag(...given);
    this.#reading?.declared.set(made, new Error("declared here"));
    return made;
  };

  /** Takes effect for everything that this process imports from now on. */
  install(): void {
    // The module that authors import is this program's own, whether bundled or not.
    Object.defineProperty(globalThis, address, { value: { ...workflows, dag: this.#dag } });
    const names = Object.keys(workflows).join(", ");
    const source = `export const { ${names} } = globalThis[${JSON.stringify(address)}];`;
    registerHooks({
      resolve: (name, context, next) => {
        if (name === specifier) return { url: address, format: "module", shortCircuit: true };
        const found = next(name, this.#withOrigin(name, context));
        return this.#isRead(found.url) ? { ...found, url: this.#fresh(found.url) } : found;
      },
      load: (url, context, next) => {
        if (url === address) return { format: "module", source, shortCircuit: true };
        if (this.#isRead(url)) return { ...this.#read(url), shortCircuit: true };
        return this.#withoutTypes(url, next(url, context));
      },
    });
  }

  /** Imports a version's file from its copy; packages are found where the DAGs' folder is. */
  async importCopy(copy: string, file: string, folder: string): Promise<object> {
    this.#origin = { copy, folder };
    return (await import(pathToFileURL(join(copy, file)).href)) as object;
  }

  /**
   * Lets `act` import files of the folder anew, with all that they import from it.
   * @param trace is told what is read.
   */
  async fresh<T>(
    at: { readonly folder: string; readonly serial: number },
    trace: Trace,
    act: (load: (file: string) => Promise<object>, declared: Declared) => Promise<T>,
  ): Promise<T> {
    const declared = new Map<workflows.Dag, Error>();
    this.#reading = { ...at, files: trace.files, declared };
    try {
      return await act(
        async (file) => (await import(pathToFileURL(join(at.folder, file)).href)) as object,
        declared,
      );
    } finally {
      this.#reading = undefined;
    }
  }

  #withOrigin(name: string, context: ResolveHookContext): ResolveHookContext {
    const origin = this.#origin;
    const { parentURL } = context;
    if (origin === undefined || parentURL?.startsWith("file:") !== true || /^[./]/.test(name)) {
      return context;
    }
    const parent = fileURLToPath(parentURL);
    if (!parent.startsWith(`${origin.copy}${sep}`)) return context;
    const original = join(origin.folder, relative(origin.copy, parent));
    return { ...context, parentURL: pathToFileURL(original).href };
  }

  /** A version's file never changes, so its types are taken out once. */
  #withoutTypes(url: string, found: LoadFnOutput): LoadFnOutput {
    const copy = this.#origin?.copy;
    const { format, source } = found;
    if (copy === undefined || format !== "module-typescript" || source == null) return found;
    const inside = relative(copy, fileURLToPath(url));
    if (inside.startsWith("..") || inside.includes("node_modules")) return found;
    const text = typeof source === "string" ? source : Buffer.from(source as Uint8Array).toString();
    const stripped = strippedOnce(join(`${copy}.stripped`, inside), text);
    return { ...found, format: "module", source: stripped };
  }

  #isRead(url: string): boolean {
    if (this.#reading === undefined || !url.startsWith("file:")) return false;
    const path = fileURLToPath(url);
    if (!path.startsWith(`${this.#reading.folder}${sep}`)) return false;
    return !path.includes(`${sep}node_modules${sep}`) && /\.(ts|mts|js|mjs|json)$/.test(path);
  }

  /** Modules are kept by their address, so one that changed needs another. */
  #fresh(url: string): string {
    const serial = this.#reading?.serial ?? 0;
    return url.includes("?gantry=") ? url : `${url}?gantry=${serial}`;
  }

  #read(url: string): { readonly format: string; readonly source: string } {
    const path = fileURLToPath(url);
    const source = readFileSync(path, "utf8");
    if (this.#reading !== undefined) {
      this.#reading.files[relative(this.#reading.folder, path)] = source;
    }
    if (path.endsWith(".json")) return { format: "json", source };
    return { format: /\.m?ts$/.test(path) ? "module-typescript" : "module", source };
  }
}

/** The DAGs that a module exports, alone or in lists. */
export function exportedDags(exports: object): workflows.Dag[] {
  const found = new Set<workflows.Dag>();
  function add(value: unknown, depth: number): void {
    if (value instanceof workflows.Dag) found.add(value);
    else if (Array.isArray(value) && depth < 2) for (const it of value) add(it, depth + 1);
  }
  for (const value of Object.values(exports)) add(value, 0);
  return [...found];
}
