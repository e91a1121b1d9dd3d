import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "#base/clock.ts";
import { nodeLayout } from "#cri/containerd/layout.ts";
import { ContainerdRuntime } from "#cri/containerd/runtime.ts";
import { pauseImage, pauseImageName } from "#cri/images/pause.ts";
import { busyboxImageName } from "#cri/images/seed.ts";
import { RuntimeTester } from "#testing/runtime/tester.ts";

/** A sandbox and its one container. */
export interface CriPod {
  readonly sandbox: string;
  readonly container: string;
}

/** Pods of one busybox container at the containerd of a data directory, by CRI and without a kubelet. */
export class CriPods implements Disposable {
  readonly runtime: ContainerdRuntime;
  readonly #tester: RuntimeTester;

  constructor(directory: string) {
    this.runtime = new ContainerdRuntime({
      layout: nodeLayout(join(directory, "node")),
      clock: systemClock,
      pauseImage: { name: pauseImageName, archive: () => pauseImage(process.arch) },
    });
    this.#tester = new RuntimeTester({
      runtime: this.runtime,
      directory,
      cgroupParent: "/gantry-bench",
      image: busyboxImageName,
      missingImage: "",
      close: () => Promise.resolve(),
    });
  }

  async start(command: readonly string[], signal: AbortSignal): Promise<CriPod> {
    const config = this.#tester.sandboxConfig();
    await mkdir(config.logDirectory, { recursive: true });
    const sandbox = await this.runtime.runSandbox(config, signal);
    const main = this.#tester.containerConfig([...command]);
    const container = await this.runtime.createContainer(sandbox, main, config, signal);
    await this.runtime.startContainer(container, signal);
    return { sandbox, container };
  }

  async remove({ sandbox, container }: CriPod, signal: AbortSignal): Promise<void> {
    await this.runtime.stopContainer(container, 30, signal);
    await this.runtime.stopSandbox(sandbox, signal);
    await this.runtime.removeContainer(container, signal);
    await this.runtime.removeSandbox(sandbox, signal);
  }

  [Symbol.dispose](): void {
    this.runtime[Symbol.dispose]();
  }
}
