import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { openImageStore } from "#images/store/open.ts";
import { pathsBelow, runDirectoryOf } from "#main/process/paths.ts";
import { serveImages } from "./serve-images.ts";
import type { Suite } from "./upstream.ts";

const gantry = join(import.meta.dirname, "..", "..", "gantry");

export interface ClusterOptions {
  readonly dataDir: string;
  readonly port: string;
}

/** A cluster of two nodes on this machine, which is gone when it is disposed of. */
export class Cluster implements Disposable {
  readonly kubeconfig: string;
  readonly #dataDir: string;

  private constructor(dataDir: string) {
    this.#dataDir = dataDir;
    this.kubeconfig = pathsBelow(dataDir, runDirectoryOf(dataDir)).kubeconfig;
  }

  /** With the suite's images at hand. @throws {Error} when `gantry up` fails, with what it says. */
  static async start(suite: Suite, options: ClusterOptions): Promise<Cluster> {
    const { dataDir, port } = options;
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const { images } = pathsBelow(dataDir, runDirectoryOf(dataDir));
    {
      await using store = await openImageStore(images, { clock: systemClock, log: silentLogger });
      for (const name of await serveImages(suite, store)) console.log(name);
    }
    run("up", "--data-dir", dataDir, "--port", port, "--nodes", "2");
    return new Cluster(dataDir);
  }

  [Symbol.dispose](): void {
    run("reset", "--data-dir", this.#dataDir);
  }
}

function run(...args: readonly string[]): void {
  const { status } = spawnSync(gantry, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) throw new Error(`gantry ${args.join(" ")} failed`);
}
