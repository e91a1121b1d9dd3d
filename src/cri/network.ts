import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

export interface HostNetworkOptions {
  /** Full path of the `nft` program. */
  readonly nft: string;
  /** Name of our nftables table; one a node. */
  readonly table: string;
  /** The node's pods. */
  readonly podCidr: string;
  /** All pods of the cluster: traffic between pods keeps its source address. */
  readonly clusterCidr: string;
  /** Whose table it is, for whoever finds it: at most 127 bytes, without a quotation mark. */
  readonly owner: string;
}

const forwardingPath = "/proc/sys/net/ipv4/ip_forward";

/**
 * Lets pods reach other networks: turns on forwarding, and masquerades what leaves the cluster's pod
 * network. Safe to repeat. Forwarding is left on by `removeHostNetwork`: others may rely on it by then.
 */
export async function ensureHostNetwork(options: HostNetworkOptions): Promise<void> {
  if ((await readFile(forwardingPath, "latin1")).trim() !== "1") {
    await writeFile(forwardingPath, "1").catch((cause: unknown) => {
      throw new Error("turn on IPv4 forwarding (sysctl net.ipv4.ip_forward=1)", { cause });
    });
  }
  await applyRules(options.nft, hostRules(options));
}

/** No table is success. */
export async function removeHostNetwork(
  options: Pick<HostNetworkOptions, "nft" | "table">,
): Promise<void> {
  // Adding an existing table changes nothing, so that the delete always has one.
  await applyRules(options.nft, `table ip ${options.table}\ndelete table ip ${options.table}\n`);
}

/** One transaction that replaces our table. */
export function hostRules({ table, podCidr, clusterCidr, owner }: HostNetworkOptions): string {
  return `table ip ${table}
delete table ip ${table}
table ip ${table} {
  comment "${owner}"
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${podCidr} ip daddr != ${clusterCidr} masquerade
  }
}
`;
}

/**
 * Runs one transaction of nftables. @param nft full path of the program.
 * @throws {Error} when a rule is refused; nothing has changed then.
 */
export async function applyRules(nft: string, rules: string): Promise<void> {
  // nft cannot open the pipe that Node gives a child as its stdin.
  const directory = await mkdtemp(join(tmpdir(), "gantry-nft-"));
  try {
    const file = join(directory, "rules");
    await writeFile(file, rules);
    await promisify(execFile)(nft, ["-f", file]);
  } catch (cause) {
    throw new Error("apply nftables rules", { cause });
  } finally {
    await rm(directory, { recursive: true });
  }
}
