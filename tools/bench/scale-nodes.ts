import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import { Informers } from "#client/informers.ts";
import { SimulatedRuntime } from "#cri/simulated/runtime.ts";
import { ClusterConnection } from "#kubelet/cluster/connect.ts";
import { Kubelet } from "#kubelet/kubelet.ts";
import { imaginaryMachine } from "#kubelet/node/machine.ts";
import { EventSender } from "#reconcile/events.ts";
import { Admin } from "./gantry-command.ts";

/*
 * Nodes without machines: each is the node agent as real nodes run it, with its own status, lease and
 * pods, on a runtime that runs no processes. Arguments: data directory of the server, how many.
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
  const runtime = new SimulatedRuntime({
    clock: systemClock,
    podCidr: `10.${64 + (index >> 8)}.${index & 255}.0/24`,
    idPrefix: name,
    delays: { pullMs: 0, sandboxMs: 0, startMs: 0, stopMs: 0 },
    onError: (error) => {
      console.error(error);
    },
  });
  const machine = imaginaryMachine(name, { cpuCount: 32, memoryBytes: 256 * 2 ** 30 });
  const kubelet = await Kubelet.open(
    {
      identity: {
        name,
        addresses: [`10.0.${index >> 8}.${index & 255}`],
        labels: {},
        podsMax: 110,
        port: 0,
        version: "v1.36.0",
      },
      runtime,
      ports: cluster.of(name, recorder),
      dns: { servers: [], domain: "cluster.local" },
      disk: undefined,
      staticPodPath: undefined,
      housekeeping: undefined,
      probes: false,
      machine: () => Promise.resolve(machine),
      startsMax: 4,
      relistMs: 300_000,
      ...world,
    },
    signal,
  );
  tasks.start(() => kubelet.run(signal));
}

for (let at = 0; at < Number(count); at += opensAtOnce) {
  const size = Math.min(opensAtOnce, Number(count) - at);
  await Promise.all(Array.from({ length: size }, (_, k) => runNode(at + k)));
}
console.log("all started");
