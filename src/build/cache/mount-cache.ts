import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import type { CacheLayout } from "./layout.ts";
import type { Session } from "./session.ts";

/** How sessions mark that they use a mount's directory. */
const markPrefix = "mount-";
const sizeSuffix = ".size";

/** Notes that a build uses the directory of a `RUN --mount=type=cache`. */
export function useMount(name: string, session: Session): void {
  session.use(`${markPrefix}${name}`);
}

/** The directories that a session used; their sizes are written down when it ends. */
export function measureMounts(layout: CacheLayout, session: Session, clock: Clock): void {
  const names = session.used().filter((it) => it.startsWith(markPrefix));
  for (const mark of names) {
    const name = mark.slice(markPrefix.length);
    const directory = join(layout.mounts, name);
    if (!existsSync(directory)) continue;
    const note = `${directory}${sizeSuffix}`;
    writeFileSync(note, String(sizeOf(directory)));
    const now = clock.now() / 1000;
    utimesSync(note, now, now);
  }
}

/**
 * Removes the directories that were not used for longest until the others have at most so many bytes.
 * Those that a running build uses stay.
 */
export function shrinkMounts(
  layout: CacheLayout,
  bytesMax: number,
  isUsed: (mark: string) => boolean,
): void {
  const notes = readdirSync(layout.mounts)
    .filter((it) => it.endsWith(sizeSuffix))
    .map((it) => {
      const path = join(layout.mounts, it);
      const { mtimeMs } = statSync(path);
      const directory = path.slice(0, -sizeSuffix.length);
      return {
        path,
        directory,
        name: it.slice(0, -sizeSuffix.length),
        mtimeMs,
        bytes: Number(readFileSync(path, "utf8")) || 0,
      };
    })
    .sort((a, b) => a.mtimeMs - b.mtimeMs);
  let total = notes.reduce((sum, it) => sum + it.bytes, 0);
  for (const { path, directory, name, bytes } of notes) {
    if (total <= bytesMax) return;
    if (isUsed(`${markPrefix}${name}`)) continue;
    rmSync(directory, { recursive: true, force: true });
    for (const more of [path, `${directory}.lock`, `${directory}.owner`])
      rmSync(more, { force: true });
    total -= bytes;
  }
}

/** Bytes of the files below a directory. */
function sizeOf(directory: string): number {
  if (!existsSync(directory)) return 0;
  let bytes = 0;
  const waiting = [directory];
  for (;;) {
    const next = waiting.pop();
    if (next === undefined) return bytes;
    for (const name of readdirSync(next)) {
      const stats = lstatSync(join(next, name), { throwIfNoEntry: false });
      if (stats?.isDirectory() === true) waiting.push(join(next, name));
      else bytes += stats?.size ?? 0;
    }
  }
}
