import { spawn } from "node:child_process";
import { Worker } from "node:worker_threads";

/** The descriptor that ends when the process that started this one does. */
export const lifeline = 3;

/**
 * Ends this process and all it started when its lifeline ends, even while a task's code never yields.
 * A shell waits for that: it costs a hundredth of what a thread does, which waits where there is none.
 */
export function endWithParent(): void {
  const script = `while read -r _; do :; done; kill -KILL -- "-$0" || kill -KILL "$0"`;
  const child = spawn("/bin/sh", ["-c", script, String(process.pid)], {
    stdio: [lifeline, "ignore", "ignore"],
    env: {},
  });
  child.once("error", endWithThread);
  // Somebody has killed it.
  child.once("exit", endWithThread);
  child.unref();
}

function endWithThread(): void {
  const code = `
    try { while (require("node:fs").readSync(${lifeline}, Buffer.alloc(1)) > 0); } catch {}
    try { process.kill(-process.pid, "SIGKILL"); } catch { process.kill(process.pid, "SIGKILL"); }`;
  new Worker(code, { eval: true }).unref();
}
