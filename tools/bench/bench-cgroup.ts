import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createCgroup, detectCgroups, readCgroupUsage, removeCgroup } from "#cri/cgroups.ts";

/** A control group for what is measured: it counts processes that live too short to be looked at. */
export class BenchCgroup implements AsyncDisposable {
  readonly #path = `/gantry-bench-${process.pid}`;
  readonly #mounts: Awaited<ReturnType<typeof detectCgroups>>;

  private constructor(mounts: Awaited<ReturnType<typeof detectCgroups>>) {
    this.#mounts = mounts;
  }

  static async make(): Promise<BenchCgroup> {
    const made = new BenchCgroup(await detectCgroups());
    await createCgroup(made.#mounts, made.#path);
    return made;
  }

  /** Whatever this process starts while `act` runs is in the group, and what that starts. */
  async around(act: () => Promise<void>): Promise<void> {
    this.#move(this.#path);
    try {
      await act();
    } finally {
      this.#move("/");
    }
  }

  /** Processor time of all that ever was in it, or in another group of that path. */
  async cpuSeconds(path = this.#path): Promise<number> {
    const usage = await readCgroupUsage(this.#mounts, path);
    return Number(usage?.cpuNanoseconds ?? 0n) / 1e9;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeCgroup(this.#mounts, this.#path);
  }

  #move(path: string): void {
    const mounts = this.#mounts;
    const controllers = ["cpuacct", "memory", "pids"];
    const roots =
      mounts.version === "v2"
        ? [mounts.root]
        : controllers.flatMap((it) => mounts.controllers.get(it) ?? []);
    for (const root of roots) writeFileSync(join(root, path, "cgroup.procs"), String(process.pid));
  }
}
