import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { parseYaml } from "#api/yaml.ts";
import {
  defaultEvictionHard,
  parseThresholds,
  type Threshold,
} from "#kubelet/eviction/thresholds.ts";
import { imageCollection, type ImageLimits } from "#kubelet/images/plan.ts";
import { parseDuration } from "./duration.ts";

/** What may be set of a node, with the fields of upstream's KubeletConfiguration v1beta1. */
export interface KubeletSettings {
  readonly eviction: {
    readonly thresholds: readonly Threshold[];
    readonly transitionMs: number;
    readonly softGraceSecondsMax: number;
  };
  readonly images: ImageLimits;
  /** How long pods may take to end when the machine shuts down; 0: they are left running. */
  readonly shutdown: { readonly graceMs: number; readonly criticalMs: number };
  /** Folder of manifests whose pods run whatever the API server says; undefined: the usual one. */
  readonly staticPodPath: string | undefined;
  readonly podsMax: number;
}

const minuteMs = 60_000;

export const defaultSettings: KubeletSettings = {
  eviction: {
    thresholds: parseThresholds(defaultEvictionHard),
    transitionMs: 5 * minuteMs,
    softGraceSecondsMax: 0,
  },
  images: imageCollection,
  shutdown: { graceMs: 0, criticalMs: 0 },
  staticPodPath: undefined,
  podsMax: 110,
};

/**
 * Reads a KubeletConfiguration. What it leaves out has upstream's default; a field that is not known
 * here is refused rather than passed over. @throws {Error} naming the field and what it may be.
 */
export function parseSettings(text: string): KubeletSettings {
  const [first, second] = parseYaml(text).documents;
  const document = first?.value ?? null;
  if (second !== undefined) throw new Error("expected one document");
  if (document === null) return defaultSettings;
  if (!isJsonObject(document)) throw new Error("expected a KubeletConfiguration");
  const fields = new Fields(document);
  fields.expect("apiVersion", "kubelet.config.k8s.io/v1beta1");
  fields.expect("kind", "KubeletConfiguration");
  const settings: KubeletSettings = {
    eviction: {
      thresholds: thresholdsOf(fields),
      transitionMs: fields.duration(
        "evictionPressureTransitionPeriod",
        defaultSettings.eviction.transitionMs,
      ),
      softGraceSecondsMax: fields.integer("evictionMaxPodGracePeriod", 0),
    },
    images: {
      highPercent: fields.integer("imageGCHighThresholdPercent", imageCollection.highPercent),
      lowPercent: fields.integer("imageGCLowThresholdPercent", imageCollection.lowPercent),
      ageMinMs: fields.duration("imageMinimumGCAge", imageCollection.ageMinMs),
      ageMaxMs: fields.duration("imageMaximumGCAge", imageCollection.ageMaxMs),
    },
    shutdown: {
      graceMs: fields.duration("shutdownGracePeriod", 0),
      criticalMs: fields.duration("shutdownGracePeriodCriticalPods", 0),
    },
    staticPodPath: fields.text("staticPodPath"),
    podsMax: fields.integer("maxPods", defaultSettings.podsMax),
  };
  fields.end();
  check(settings);
  return settings;
}

function thresholdsOf(fields: Fields): readonly Threshold[] {
  const hard = fields.map("evictionHard");
  const soft = fields.map("evictionSoft");
  const grace = fields.map("evictionSoftGracePeriod");
  const join = (map: ReadonlyMap<string, string>, sign: string): string =>
    [...map].map(([signal, value]) => `${signal}${sign}${value}`).join(",");
  return parseThresholds(
    hard === undefined ? defaultEvictionHard : join(hard, "<"),
    join(soft ?? new Map<string, string>(), "<"),
    join(grace ?? new Map<string, string>(), "="),
  );
}

function check({ images, shutdown }: KubeletSettings): void {
  if (images.lowPercent >= images.highPercent || images.highPercent > 100) {
    throw new Error(
      "imageGCLowThresholdPercent must be below imageGCHighThresholdPercent, and that at most 100",
    );
  }
  if (shutdown.criticalMs > shutdown.graceMs) {
    throw new Error("shutdownGracePeriodCriticalPods must be within shutdownGracePeriod");
  }
}

/** Takes fields out of an object, and knows which nobody asked for. */
class Fields {
  readonly #rest: Map<string, Json | undefined>;

  constructor(object: JsonObject) {
    this.#rest = new Map(Object.entries(object));
  }

  expect(name: string, want: string): void {
    if (this.#take(name) !== want) throw new Error(`${name}: expected ${want}`);
  }

  text(name: string): string | undefined {
    const value = this.#take(name);
    if (value === undefined || typeof value === "string") return value;
    throw new Error(`${name}: expected text`);
  }

  integer(name: string, fallback: number): number {
    const value = this.#take(name) ?? fallback;
    if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
    throw new Error(`${name}: expected a whole number that is not negative`);
  }

  duration(name: string, fallback: number): number {
    const value = this.text(name);
    if (value === undefined) return fallback;
    const ms = parseDuration(value);
    if (ms === undefined) throw new Error(`${name}: expected a duration such as 1m30s`);
    return ms;
  }

  map(name: string): ReadonlyMap<string, string> | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    if (!isJsonObject(value)) throw new Error(`${name}: expected signals with their values`);
    return new Map(
      Object.entries(value).map(([key, it]) => [
        key,
        typeof it === "string" ? it : JSON.stringify(it),
      ]),
    );
  }

  end(): void {
    const [name] = this.#rest.keys();
    if (name !== undefined) throw new Error(`${name}: is not a field that this node knows`);
  }

  #take(name: string): Json | undefined {
    const value = this.#rest.get(name);
    this.#rest.delete(name);
    return value;
  }
}
