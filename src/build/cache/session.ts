import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StepKey } from "./key.ts";
import type { CacheLayout } from "./layout.ts";

const usesName = "uses";

/** The directory of a running build. Its name says whose it is: `pid-start-number`. */
export class Session {
  readonly directory: string;
  readonly #used = new Set<StepKey>();
  #names = 0;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static open(layout: CacheLayout): Session {
    const owner = `${process.pid}-${startOf(process.pid) ?? "0"}`;
    const taken = readdirSync(layout.sessions).filter((it) => it.startsWith(`${owner}-`));
    const number = taken.reduce((max, it) => Math.max(max, Number(it.split("-")[2]) + 1), 0);
    const directory = join(layout.sessions, `${owner}-${number}`);
    mkdirSync(join(directory, usesName), { recursive: true, mode: 0o700 });
    return new Session(directory);
  }

  /** Keeps a step's files while this build runs. */
  use(key: StepKey): void {
    if (this.#used.has(key)) return;
    this.#used.add(key);
    writeFileSync(join(this.directory, usesName, key), "");
  }

  /** What {@link use} was told. */
  used(): readonly string[] {
    return [...this.#used];
  }

  /** A path in the session that nothing has yet. */
  newPath(prefix: string): string {
    this.#names++;
    return join(this.directory, `${prefix}${this.#names}`);
  }

  /** An empty directory in the session, that everyone may look into. */
  newDirectory(prefix: string): string {
    const path = this.newPath(prefix);
    mkdirSync(path, { mode: 0o755 });
    return path;
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Whether some running build uses a step. @param key or the beginning of one. */
export function isStepUsed(layout: CacheLayout, key: string): boolean {
  return readdirSync(layout.sessions).some((session) => {
    const uses = join(layout.sessions, session, usesName);
    return existsSync(uses) && readdirSync(uses).some((it) => it.startsWith(key));
  });
}

/** Directories of builds whose processes are gone. */
export function deadSessions(layout: CacheLayout): string[] {
  return readdirSync(layout.sessions)
    .filter((name) => {
      const [pid = "", start = ""] = name.split("-");
      return startOf(Number(pid)) !== start;
    })
    .map((name) => join(layout.sessions, name));
}

/** When a process began, in ticks since the machine did: a number is given to processes again. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
