import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import { Informers } from "#client/informers.ts";
import { ClusterConnection } from "#kubelet/cluster/connect.ts";
import { Kubelet } from "#kubelet/kubelet.ts";
import { EventSender } from "#reconcile/events.ts";
import { simulatedNode } from "#testing/simulated-node.ts";
import { Admin } from "./gantry-command.ts";

/*
 * Nodes without machines: each is the node agent as real nodes run it, with its own status, lease and
 * pods, on a runtime that runs no processes. As in KWOK they share one process, one user and one watch
 * of each kind. Arguments: data directory of the server, how many.
 */

const [directory = "", count = "0"] = process.argv.slice(2);
const opensAtOnce = 64;
const world = { clock: systemClock, random: systemRandom, log: silentLogger };
const { client } = await Admin.of(directory);
const informers = new Informers({ client, ...world, freeze: false });
const cluster = new ClusterConnection({ client, informers, ...world, nodeName: undefined });
const recorder = new EventSender({ client, ...world, component: "kubelet" });
const tasks = new TaskGroup((error) => {
  console.error(error);
});
tasks.start((signal) => recorder.run(signal));

async function runNode(index: number): Promise<void> {
  // Of its own: a signal that thousands of nodes listen to would cost more than they.
  const { signal } = new AbortController();
  const name = `sim-${index}`;
  const node = simulatedNode({
    name,
    address: `10.0.${index >> 8}.${index & 255}`,
    podCidr: `10.${64 + (index >> 8)}.${index & 255}.0/24`,
    machine: { cpuCount: 32, memoryBytes: 256 * 2 ** 30 },
    relistMs: 300_000,
    cluster,
    recorder,
    ...world,
    onError: (error) => {
      console.error(error);
    },
  });
  const kubelet = await Kubelet.open(node, signal);
  tasks.start(() => kubelet.run(signal));
}

for (let at = 0; at < Number(count); at += opensAtOnce) {
  const size = Math.min(opensAtOnce, Number(count) - at);
  await Promise.all(Array.from({ length: size }, (_, k) => runNode(at + k)));
}
console.log("all started");
