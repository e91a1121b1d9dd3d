import { networkInterfaces } from "node:os";
import { runProgram } from "#proxy/run-program.ts";
import { staleFlows, type FlowTarget } from "./flows.ts";

/** The kernel's table of flows. */
export interface Conntrack {
  /** Forgets the UDP flows that go elsewhere than `targets` say; see `flows.ts`. */
  forgetStale(targets: readonly FlowTarget[], signal: AbortSignal): Promise<void>;
}

/** @param program full path of `conntrack`. */
export function conntrackOf(program: string): Conntrack {
  return {
    async forgetStale(targets, signal) {
      const listing = await runProgram(program, ["-L", "-f", "ipv4", "-p", "udp"], signal);
      const local = localAddresses();
      for (const it of staleFlows(listing, targets, (address) => local.has(address))) {
        const to = ["--orig-dst", it.destination, "--orig-port-dst", String(it.port)];
        const by = ["--reply-src", it.answering, "--reply-port-src", String(it.answeringPort)];
        const args = ["-D", "-f", "ipv4", "-p", "udp", ...to, ...by];
        await runProgram(program, args, signal).catch((error: unknown) => {
          // The flow ended by itself meanwhile.
          if (!/ 0 flow entries/.test((error as Error).message)) throw error;
        });
      }
    },
  };
}

function localAddresses(): Set<string> {
  const all = Object.values(networkInterfaces()).flatMap((it) => it ?? []);
  return new Set(all.map((it) => it.address));
}
