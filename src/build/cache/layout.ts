import { mkdirSync } from "node:fs";
import { join } from "node:path";

/** Where builds keep their things. */
export interface CacheLayout {
  readonly root: string;
  /** The files of steps, a directory for each, in overlayfs' form. */
  readonly layers: string;
  /** What is known of a step, by its key. */
  readonly records: string;
  /** Other keys of steps. */
  readonly aliases: string;
  /** Directories of `RUN --mount=type=cache`. */
  readonly mounts: string;
  /** What running builds need, a directory for each. */
  readonly sessions: string;
}

export function makeCacheLayout(root: string): CacheLayout {
  const layout: CacheLayout = {
    root,
    layers: join(root, "layers"),
    records: join(root, "records"),
    aliases: join(root, "aliases"),
    mounts: join(root, "mounts"),
    sessions: join(root, "sessions"),
  };
  for (const directory of Object.values(layout) as string[]) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }
  return layout;
}
