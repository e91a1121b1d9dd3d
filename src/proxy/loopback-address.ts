import { runProgram } from "./run-program.ts";

/**
 * Gives the machine an address that needs no network device. `label` begins with `lo:` and has at
 * most 15 characters. An address that is there already is success.
 */
export async function ensureLoopbackAddress(
  ip: string,
  address: string,
  label: string,
  signal: AbortSignal,
): Promise<void> {
  await runProgram(
    ip,
    ["address", "replace", `${address}/32`, "dev", "lo", "label", label],
    signal,
  );
}

/** Removes the addresses with the label. None is success. */
export async function removeLoopbackAddress(
  ip: string,
  label: string,
  signal: AbortSignal,
): Promise<void> {
  const shown = await runProgram(
    ip,
    ["-4", "address", "show", "dev", "lo", "label", label],
    signal,
  );
  // An empty flush is an error to ip.
  if (shown.trim() === "") return;
  await runProgram(ip, ["-4", "address", "flush", "dev", "lo", "label", label], signal);
}
