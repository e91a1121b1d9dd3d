import type { LifecycleHandler } from "#api/gen/types.ts";
import type { Clock } from "#base/clock.ts";
import type { Runtime } from "#cri/runtime.ts";
import { probeHttp } from "./http.ts";
import type { ProbeTarget } from "./target.ts";

/** A hook's command may run as long as its caller lets it; the runtime needs a number. */
const execMsMax = 24 * 3_600_000;

export interface HooksOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
}

/** Lifecycle hooks of containers. Upstream: `pkg/kubelet/lifecycle/handlers.go`. */
export class Hooks {
  readonly #options: HooksOptions;

  constructor(options: HooksOptions) {
    this.#options = options;
  }

  /** Runs a hook to its end. @throws {Error} when it failed, saying how. */
  async run(handler: LifecycleHandler, target: ProbeTarget, signal: AbortSignal): Promise<void> {
    const { runtime, clock } = this.#options;
    if (handler.exec !== undefined) {
      const command = handler.exec.command ?? [];
      const result = await runtime.execSync(target.containerId, command, execMsMax, signal);
      if (result.exitCode === 0) return;
      const output = Buffer.from(result.stderr).toString("utf8", 0, 1024);
      throw new Error(
        `Exec lifecycle hook (${command.join(" ")}) exited with code ${result.exitCode}: ${output}`,
      );
    }
    if (handler.httpGet !== undefined) {
      const outcome = await probeHttp(handler.httpGet, target, signal);
      signal.throwIfAborted();
      // Any answer is success, whatever its status.
      if (outcome.kind !== "success" && !outcome.output.includes("statuscode")) {
        throw new Error(`HTTP lifecycle hook failed: ${outcome.output}`);
      }
      return;
    }
    if (handler.sleep !== undefined) {
      await clock.sleep(handler.sleep.seconds * 1000, signal);
      return;
    }
    // The API still knows tcpSocket here, and upstream has never run it.
    throw new Error("invalid handler: a hook is exec, httpGet or sleep");
  }
}
