import type { WantedStreams } from "#streaming/remote-command/command-streams.ts";
import { isTrue } from "./logs/options.ts";

/**
 * The streams of exec and attach. The API server asks a kubelet with `input`, `output` and `error`;
 * the names of the public API are understood as well. Undefined when nothing is asked for.
 */
export function parseWantedStreams(query: URLSearchParams): WantedStreams | undefined {
  const has = (...names: readonly string[]): boolean => names.some((it) => isTrue(query.get(it)));
  const tty = has("tty");
  const wanted = {
    stdin: has("input", "stdin"),
    stdout: has("output", "stdout"),
    // A terminal has one output.
    stderr: has("error", "stderr") && !tty,
    tty,
  };
  return wanted.stdin || wanted.stdout || wanted.stderr ? wanted : undefined;
}
