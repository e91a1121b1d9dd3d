import { constants } from "node:fs";
import { mkdir, open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isGone } from "#cri/procfs.ts";
import type { NodeLayout } from "./layout.ts";
import { quoteWord } from "#base/shell.ts";

/** The runtime handler whose containers' processes wait until somebody is attached. */
export const attachedHandler = "attached";

/** A process that nobody attaches to begins after so long. */
const waitSecondsMax = 30;

/**
 * A runc that puts off the start of a container: containerd takes it for running, so that it can be
 * attached to before its process has printed anything. One opening counts for a whole sandbox: what
 * is started again does not wait again. The FIFO is held open before the mark is looked for, so that
 * an opening in between is not missed.
 */
export function gateScript(layout: Pick<NodeLayout, "gateDir" | "bundles">, runc: string): string {
  return `#!/bin/sh
# runc, but the process of a container begins once somebody is attached to it.
runc=${quoteWord(runc)}
gates=${quoteWord(layout.gateDir)}
case " $* " in *" start "*) ;; *) exec "$runc" "$@" ;; esac
for id; do :; done
config=${quoteWord(layout.bundles)}/$id/config.json
grep -q '"io.kubernetes.cri.container-type":"container"' "$config" || exec "$runc" "$@"
sandbox=$(sed -n 's/.*"io.kubernetes.cri.sandbox-id":"\\([0-9a-f]*\\)".*/\\1/p' "$config")
(
  mkfifo -m 600 "$gates/$id" && exec 3<>"$gates/$id"
  [ -e "$gates/$sandbox.open" ] || timeout ${waitSecondsMax} dd bs=1 count=1 <&3
  exec 3>&-
  rm -f "$gates/$id"
  read -r pid <${quoteWord(layout.bundles)}/$id/init.pid
  # containerd has been told that it runs: what went wrong is said where its process would have.
  "$runc" "$@" 2>"/proc/$pid/fd/2" || kill -9 "$pid"
) </dev/null >/dev/null 2>&1 &
exit 0
`;
}

/** Lets the process of a container begin, and those of its sandbox that come later. */
export async function openGate(
  gateDir: string,
  of: { readonly container: string; readonly sandbox: string },
): Promise<void> {
  await mkdir(gateDir, { recursive: true, mode: 0o700 });
  await writeFile(join(gateDir, `${of.sandbox}.open`), "");
  try {
    const flags = constants.O_WRONLY | constants.O_NONBLOCK;
    await using fifo = await open(join(gateDir, of.container), flags);
    await fifo.write("\n");
  } catch (error) {
    // No container waits, or it has not opened its FIFO yet and will find the mark.
    if (!isGone(error) && (error as NodeJS.ErrnoException).code !== "ENXIO") throw error;
  }
}

/** Forgets a sandbox that is gone. */
export async function forgetGate(gateDir: string, sandbox: string): Promise<void> {
  await rm(join(gateDir, `${sandbox}.open`), { force: true });
}
