import {
  defaultPath,
  type HistoryEntry,
  type ImageConfig,
  type RunConfig,
} from "#build/image/config.ts";
import { valueOf, withVariable, type Environment } from "./environment.ts";

/** What a stage's instructions so far have made of the image's configuration. */
export interface StageState {
  readonly config: RunConfig;
  readonly author: string | undefined;
  readonly platform: {
    readonly os: string;
    readonly architecture: string;
    readonly variant?: string;
  };
  /** ENV and ARG together: what instructions expand and RUN sees. */
  readonly environment: Environment;
  /** ARGs that were declared, for the history of RUN. */
  readonly buildArgs: readonly string[];
  readonly history: readonly HistoryEntry[];
  /** Whether this stage itself has a CMD, which ENTRYPOINT then leaves. */
  readonly hasOwnCmd: boolean;
}

export type Platform = StageState["platform"];

/** The state at FROM scratch. */
export function emptyState(platform: Platform): StageState {
  return {
    config: { Env: [defaultPath], WorkingDir: "/" },
    author: undefined,
    platform,
    environment: [defaultPath],
    buildArgs: [],
    history: [],
    hasOwnCmd: false,
  };
}

/** The state at FROM an image. */
export function stateOfImage(image: ImageConfig): StageState {
  const config = image.config ?? {};
  const own = config.Env ?? [];
  const Env = valueOf(own, "PATH") === undefined ? [...own, defaultPath] : own;
  let environment: Environment = [];
  for (const line of Env) {
    const at = line.indexOf("=");
    const name = at === -1 ? line : line.slice(0, at);
    environment = withVariable(environment, name, at === -1 ? "" : line.slice(at + 1));
  }
  const { os, architecture, variant } = image;
  return {
    config: { ...config, Env, OnBuild: null },
    author: image.author,
    platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
    environment,
    buildArgs: [],
    history: wholeHistory(image),
    hasOwnCmd: false,
  };
}

/** A history has an entry for each layer, or tools refuse the image; some images have none. */
function wholeHistory({ history = [], rootfs, created }: ImageConfig): HistoryEntry[] {
  const known = history.filter((it) => it.empty_layer !== true).length;
  const missing = Math.max(rootfs.diff_ids.length - known, 0);
  const entry = { created: created ?? new Date(0).toISOString(), created_by: "" };
  return [...Array.from({ length: missing }, () => entry), ...history];
}

/** The state at FROM another stage: its ONBUILD triggers are not inherited, they run. */
export function stateOfStage(base: StageState): StageState {
  return { ...base, config: { ...base.config, OnBuild: null }, hasOwnCmd: false };
}
