import { type StepKey } from "#build/cache/key.ts";
import { parseExportedSteps, type ExportedSteps } from "#build/cache/exported-steps.ts";
import { parseManifest } from "#oci/manifest.ts";
import { unpackStep } from "./layers.ts";
import type { BuildWorld } from "./world.ts";

/** A place that has results of steps: of `--cache-from`. */
export interface StepSource {
  /** As the user wrote it. */
  readonly name: string;
  /** Undefined when there is nothing yet. */
  readonly manifest: (signal: AbortSignal) => Promise<Buffer | undefined>;
  readonly blob: (digest: string, signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;
}

/** What a step that is brought here needs. */
type ImportWorld = Pick<BuildWorld, "cache" | "session" | "store" | "lease">;

/** Results of steps of other machines, brought here when a build looks for them. */
export interface ImportedSteps {
  /** Makes the step cache find a step, if a source has it. What goes wrong is a warning. */
  bring(key: StepKey, world: ImportWorld, signal: AbortSignal): Promise<void>;
}

const noImports: ImportedSteps = { bring: () => Promise.resolve() };

interface Opened {
  readonly source: StepSource;
  readonly exported: ExportedSteps;
}

const indexBytesMax = 64 * 1_048_576;

/** Reads what the sources have; those that cannot be read are left out, with a warning. */
export async function openImports(
  sources: readonly StepSource[],
  warn: (message: string) => void,
  signal: AbortSignal,
): Promise<ImportedSteps> {
  const opened: Opened[] = [];
  for (const source of sources) {
    try {
      const exported = await readSource(source, signal);
      if (exported === undefined) warn(`--cache-from ${source.name}: there is nothing yet`);
      else opened.push({ source, exported });
    } catch (error) {
      signal.throwIfAborted();
      warn(`--cache-from ${source.name}: ${describe(error)}`);
    }
  }
  return opened.length === 0 ? noImports : new Imports(opened, warn);
}

async function readSource(
  source: StepSource,
  signal: AbortSignal,
): Promise<ExportedSteps | undefined> {
  const bytes = await source.manifest(signal);
  if (bytes === undefined) return undefined;
  const { config } = parseManifest(bytes);
  if (config === undefined) throw new Error("it is no image and no cache");
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of await source.blob(config.digest, signal)) {
    length += chunk.length;
    if (length > indexBytesMax) throw new Error("its list of steps is too large");
    chunks.push(chunk);
  }
  return parseExportedSteps(JSON.parse(Buffer.concat(chunks).toString("utf8")));
}

class Imports implements ImportedSteps {
  readonly #opened: readonly Opened[];
  readonly #warn: (message: string) => void;
  readonly #running = new Map<StepKey, Promise<void>>();

  constructor(opened: readonly Opened[], warn: (message: string) => void) {
    this.#opened = opened;
    this.#warn = warn;
  }

  async bring(key: StepKey, world: ImportWorld, signal: AbortSignal): Promise<void> {
    const { cache, session } = world;
    if (cache.findAlias(key, session) !== undefined || cache.find(key, session) !== undefined)
      return;
    let running = this.#running.get(key);
    if (running === undefined) {
      running = this.#bring(key, world, signal);
      this.#running.set(key, running);
    }
    await running;
  }

  async #bring(key: StepKey, world: ImportWorld, signal: AbortSignal): Promise<void> {
    for (const { source, exported } of this.#opened) {
      const target = exported.aliases[key] ?? key;
      const step = exported.steps[target];
      if (step === undefined) continue;
      try {
        await this.#unpack(source, target, step, { world, signal });
        if (target !== key) world.cache.addAlias(key, target);
        return;
      } catch (error) {
        signal.throwIfAborted();
        this.#warn(`--cache-from ${source.name}: ${step.title}: ${describe(error)}`);
      }
    }
  }

  async #unpack(
    source: StepSource,
    key: StepKey,
    { title, sizeBytes, createdAt, epoch, layer }: ExportedSteps["steps"][StepKey],
    { world, signal }: { readonly world: ImportWorld; readonly signal: AbortSignal },
  ): Promise<void> {
    const { cache, session, store, lease } = world;
    if (cache.find(key, session) !== undefined) return;
    await lease.add([layer.digest]);
    if ((await store.findBlob(layer.digest)) === undefined) {
      const content = await source.blob(layer.digest, signal);
      await store.writeBlob(content, { expected: layer.digest, lease }, signal);
    }
    const step = { key, title, sizeBytes, createdAt, layers: { [epoch]: layer } };
    await unpackStep(step, layer, world, signal);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
