import type { InterfaceCounts, InterfaceStats } from "./cadvisor.ts";

/** Reads `/proc/<pid>/net/dev`, see proc_pid_net(5); without the loopback device. */
export function parseNetDev(text: string): readonly InterfaceStats[] {
  return text.split("\n").flatMap((line) => {
    const [, name, rest] = /^\s*([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || name === "lo") return [];
    const numbers = (rest ?? "").split(/\s+/).map(Number);
    return [{ name, receive: counts(numbers, 0), transmit: counts(numbers, 8) }];
  });
}

function counts(numbers: readonly number[], at: number): InterfaceCounts {
  const [bytes = 0, packets = 0, errors = 0, dropped = 0] = numbers.slice(at);
  return { bytes, packets, errors, dropped };
}
