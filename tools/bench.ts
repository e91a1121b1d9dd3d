import { cpus, release, totalmem } from "node:os";

/*
 * `npm run bench [names…]`: what Gantry costs on the machine at hand, in the terms of
 * docs/benchmarks.md. Each bench prints medians and CPU for each operation; nothing here passes or
 * fails.
 */

/** Of `workflows`: runs them on Airflow and DBOS too, which it installs, instead of measuring all. */
const peersOption = "--peers";
const given = process.argv.slice(2);
const withPeers = given.includes(peersOption);

/** Loaded when asked for: a bench may take memory that another one measures. */
const benches: Readonly<Record<string, () => Promise<void>>> = {
  store: async () => {
    await (await import("./bench/store.ts")).benchStore();
  },
  api: async () => {
    await (await import("./bench/api.ts")).benchApi();
  },
  scheduler: async () => {
    await (await import("./bench/scheduler.ts")).benchScheduler();
  },
  proxy: async () => {
    await (await import("./bench/proxy.ts")).benchProxy();
  },
  ingress: async () => {
    await (await import("./bench/ingress.ts")).benchIngress();
  },
  dns: async () => {
    await (await import("./bench/dns.ts")).benchDns();
  },
  pods: async () => {
    await (await import("./bench/pods.ts")).benchPods();
  },
  "node-loss": async () => {
    await (await import("./bench/node-loss.ts")).benchNodeLoss();
  },
  scale: async () => {
    await (await import("./bench/scale.ts")).benchScale();
  },
  "scale-small": async () => {
    const { benchScale } = await import("./bench/scale.ts");
    await benchScale({ nodeCount: 1_000, podCount: 2_000 });
  },
  registry: async () => {
    await (await import("./bench/registry.ts")).benchRegistry();
  },
  build: async () => {
    await (await import("./bench/build.ts")).benchBuild();
  },
  workflows: async () => {
    if (withPeers) await (await import("./bench/workflow-peers.ts")).benchPeers();
    else await (await import("./bench/workflows.ts")).benchWorkflows();
  },
  "workflow-elastic": async () => {
    await (await import("./bench/workflow-elastic.ts")).benchElastic();
  },
  "workflow-pods": async () => {
    await (await import("./bench/workflow-pods.ts")).benchWorkflowPods();
  },
  start: async () => {
    await (await import("./bench/start.ts")).benchStart();
  },
};

const asked = given.filter((it) => it !== peersOption);
const unknown = asked.filter((it) => benches[it] === undefined);
if (unknown.length > 0) {
  console.error(
    `no bench '${unknown.join("', '")}'; there are: ${Object.keys(benches).join(", ")}`,
  );
  process.exitCode = 2;
} else {
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB`;
  console.log(`${cpus().length} CPUs, ${memory}, Linux ${release()}, Node ${process.version}`);
  for (const name of asked.length > 0 ? asked : Object.keys(benches)) await benches[name]?.();
}
