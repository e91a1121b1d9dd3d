import type { StoredLayer } from "./step-cache.ts";
import type { StepKey } from "./key.ts";

/** What a step has made, as other machines get it. */
export interface ExportedStep {
  readonly title: string;
  readonly sizeBytes: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** The SOURCE_DATE_EPOCH that the layer was made with; `none` for without. */
  readonly epoch: string;
  readonly layer: StoredLayer;
}

/** Results of steps by their keys: what `--cache-to` writes and `--cache-from` reads. */
export interface ExportedSteps {
  readonly version: 1;
  readonly steps: Readonly<Record<StepKey, ExportedStep>>;
  /** Other keys under which steps are looked for. */
  readonly aliases: Readonly<Record<StepKey, StepKey>>;
}

/** The media type of {@link ExportedSteps} as the config of an OCI manifest. */
export const exportedStepsType = "application/vnd.gantry.build-cache.v1+json";
/** The field of an image's configuration that holds them: `type=inline`. */
export const inlineField = "gantry.build-cache.v1";

const keyPattern = /^[0-9a-f]{64}$/;
const digestPattern = /^sha256:[0-9a-f]{64}$/;

/**
 * Reads what another machine has written.
 * @param value the JSON of a config; that of an image may have none.
 * @throws {Error} for what is no such thing.
 */
export function parseExportedSteps(value: unknown): ExportedSteps {
  const inline = field(value, inlineField);
  const found = inline ?? value;
  if (field(found, "version") !== 1) throw new Error("it holds no results of steps");
  const steps = Object.entries(field(found, "steps") ?? {});
  const aliases = Object.entries(field(found, "aliases") ?? {});
  for (const [key, step] of steps) {
    if (!keyPattern.test(key) || !isStep(step)) throw new Error(`the step ${key} is damaged`);
  }
  for (const [alias, key] of aliases) {
    const isKey = typeof key === "string" && keyPattern.test(key);
    if (!keyPattern.test(alias) || !isKey) throw new Error(`the key ${alias} is damaged`);
  }
  return {
    version: 1,
    steps: Object.fromEntries(steps),
    aliases: Object.fromEntries(aliases),
  };
}

function isStep(value: unknown): value is ExportedStep {
  const layer = field(value, "layer");
  const texts = [field(value, "title"), field(value, "epoch"), field(layer, "mediaType")];
  const numbers = [field(value, "sizeBytes"), field(value, "createdAt"), field(layer, "size")];
  const digests = [field(layer, "digest"), field(layer, "diffId")];
  return (
    texts.every((it) => typeof it === "string") &&
    numbers.every((it) => typeof it === "number" && Number.isFinite(it)) &&
    digests.every((it) => typeof it === "string" && digestPattern.test(it))
  );
}

function field(value: unknown, name: string): object | string | number | undefined {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, object | string | number | undefined>)[name];
}
