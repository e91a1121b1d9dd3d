import { spawn } from "node:child_process";
import { mkdirSync, openSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { auditArguments, auditSettings } from "#main/control-plane/audit-options.ts";
import { findInstance } from "./instance.ts";
import { mirrorArguments } from "#main/command-line/mirror-options.ts";
import { ingressArguments, type UpOptions } from "#main/command-line/options.ts";
import { pathsBelow, runDirectoryOf } from "#main/process/paths.ts";
import { workflowArguments } from "#main/command-line/workflow-up-options.ts";
import { ensurePrerequisites } from "./prerequisites.ts";
import { ProgressPrinter, type ProgressMessage } from "#main/process/progress.ts";

/**
 * Starts the system in the background and resolves when it serves and its node is ready. Does
 * nothing when it runs already.
 * @throws {Error} with the cause and the remedy when it cannot start.
 */
export async function up(options: UpOptions): Promise<void> {
  const paths = pathsBelow(options.dataDir, runDirectoryOf(options.dataDir));
  const running = await findInstance(paths.data);
  if (running !== undefined) {
    running.close();
    process.stdout.write(`already running (process ${running.report.pid})\n`);
    return;
  }
  if (options.runtime === "containerd") requireRoot();
  // Before anything is started, so that a wrong policy is told here.
  await auditSettings(options);
  const printer = new ProgressPrinter(
    (text) => process.stderr.write(text),
    () => performance.now(),
  );
  if (options.runtime === "containerd") {
    ensurePrerequisites(options, (line) => {
      printer.step(line);
    });
  }
  mkdirSync(paths.data, { recursive: true, mode: 0o700 });
  const daemon = startDaemon(options, paths.log);
  const outcome = await followProgress(daemon.progress, printer);
  if (outcome !== undefined) {
    throw new Error(`${outcome}\nThe log is ${paths.log}; it ends with:\n${tailOf(paths.log)}`);
  }
  process.stdout.write(
    `Gantry is up. To use it:\n\n  export KUBECONFIG=${paths.kubeconfig}\n  kubectl get nodes\n`,
  );
}

function requireRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new Error(
    "running containers needs root: sudo ./gantry up, or try it without containers: ./gantry up --runtime simulated --data-dir ~/.gantry",
  );
}

function startDaemon(options: UpOptions, log: string): { readonly progress: Readable } {
  const out = openSync(log, "a", 0o600);
  const args = [process.argv[1] ?? "", "daemon", "--data-dir", options.dataDir];
  args.push("--host", options.host, "--port", String(options.port), "--runtime", options.runtime);
  if (options.nodeName !== undefined) args.push("--node-name", options.nodeName);
  if (options.nodes !== undefined) args.push("--nodes", String(options.nodes));
  if (options.shutdownGrace !== undefined) args.push("--shutdown-grace", options.shutdownGrace);
  if (options.store !== undefined) args.push("--store", options.store);
  args.push("--log-level", options.logLevel);
  args.push("--registry-port", String(options.registryPort), ...ingressArguments(options));
  args.push(...mirrorArguments(options.registryMirror), ...auditArguments(options));
  args.push(...workflowArguments(options));
  const child = spawn(process.execPath, args, {
    detached: true,
    stdio: ["ignore", out, out, "pipe"],
    cwd: "/",
  });
  child.unref();
  return { progress: child.stdio[3] as Readable };
}

/** Undefined when the daemon is ready, else what went wrong. */
async function followProgress(
  progress: Readable,
  printer: ProgressPrinter,
): Promise<string | undefined> {
  for await (const line of createInterface({ input: progress })) {
    const message = JSON.parse(line) as ProgressMessage;
    if (message.kind === "step") printer.step(message.text);
    if (message.kind === "failed") return message.message;
    if (message.kind === "ready") {
      progress.destroy();
      return undefined;
    }
  }
  return "Gantry ended before it was ready";
}

function tailOf(path: string): string {
  return readFileSync(path, "utf8").trimEnd().split("\n").slice(-5).join("\n");
}
