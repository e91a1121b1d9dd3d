import { quoteWord } from "#base/shell.ts";
import type { NodeLayout } from "./layout.ts";
import { limitsPart } from "./process-limits.ts";

/** Looks ten milliseconds apart. containerd gives the end of a container ten seconds. */
const looksMax = 400;

/**
 * A runc that lets containerd read all that a container has printed. Once the process has ended,
 * containerd 1.6 kills what is left of the container, then closes the FIFOs of its output, and what
 * is still in them is lost: up to 64 KiB, the last lines of whoever prints much at the end. So that
 * kill comes back only when containerd has read to the end, and has closed the FIFOs by itself.
 */
export function drainScript(layout: Pick<NodeLayout, "bundles" | "pidFile">, runc: string): string {
  return `#!/bin/sh
# runc, but a container's process has its limits before it begins, and the last kill of a container
# waits until its output has been read.
runc=${quoteWord(runc)}
${limitsPart(layout)}
case " $* " in
  *" kill --all "*" 9 ") ;;
  *" start "*) limit "$@"; exec "$runc" "$@" ;;
  *) exec "$runc" "$@" ;;
esac
"$runc" "$@"
code=$?
while [ $# -gt 2 ]; do shift; done
fds=/proc/$(cat ${quoteWord(layout.pidFile)})/fd
looks=0
while [ $looks -lt ${looksMax} ] &&
  [ -n "$(find "$fds" -lname "*/$1-std[oe]*" -print -quit 2>/dev/null)" ]; do
  looks=$((looks + 1))
  sleep 0.01
done
exit $code
`;
}
