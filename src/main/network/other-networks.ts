import { findProgram } from "#cri/containerd/binaries.ts";
import { runProgram } from "#proxy/run-program.ts";
import { nodeNames } from "./node-names.ts";

/** A pod network of another installation, by its table of nftables. */
const hostTablePattern = /^table ip (gantry(?:_[0-9a-f]{8})?)$/gm;
const ownerPattern = /^\s*comment "(.*)"$/m;

/** Whose table it is, as its comment says it: the directory of the node, where it has room. */
export function tableOwner(nodeDirectory: string): string {
  const bytesMax = 127;
  const tellable = Buffer.byteLength(nodeDirectory) <= bytesMax && !/["\n]/.test(nodeDirectory);
  return tellable ? nodeDirectory : "a Gantry";
}

/** The first pod network in what `nft list tables ip` prints that is not ours. */
export function otherHostTable(listing: string, ours: string): string | undefined {
  const found = [...listing.matchAll(hostTablePattern)].map((it) => it[1] ?? "");
  return found.find((it) => it !== ours);
}

/** What stands in the way, and what to do about it. @param table what `nft list table` prints. */
export function otherNetworkMessage(name: string, table: string): string {
  const owner = ownerPattern.exec(table)?.[1];
  const data =
    owner?.startsWith("/") === true ? owner.replace(/\/nodes?(\/\d+)?$/, "") : "DIRECTORY";
  return (
    `the pod network of another Gantry is on this machine (nftables table ${name}), and pods would get the same addresses twice; ` +
    `remove it with: gantry reset --data-dir ${data}`
  );
}

/**
 * Pods of two installations in one network namespace would have the same addresses.
 * @throws {Error} naming the other one, and how to remove it.
 */
export async function refuseOtherNetworks(
  nodeDirectory: string,
  signal: AbortSignal,
): Promise<void> {
  const program = await findProgram("nft");
  if (program === undefined) return; // What is missing is told by whoever needs it first.
  const ours = nodeNames(nodeDirectory).hostTable;
  const other = otherHostTable(await runProgram(program, ["list", "tables", "ip"], signal), ours);
  if (other === undefined) return;
  throw new Error(
    otherNetworkMessage(other, await runProgram(program, ["list", "table", "ip", other], signal)),
  );
}
