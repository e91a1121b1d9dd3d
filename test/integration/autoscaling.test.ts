// What pods use is measured, and workloads follow it: real load in real containers.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventuallySays } from "#testing/eventually.ts";
import { GantryProcess, ok, systemMissing } from "#testing/gantry-process.ts";

const skip = systemMissing();
const port = 26_843;
let system: GantryProcess | undefined;

function gantry(): GantryProcess {
  assert.ok(system !== undefined);
  return system;
}

function kubectl(...args: readonly string[]): string {
  return ok(gantry().kubectl(args));
}

function deployment(name: string, script: string): object {
  const labels = { app: name };
  const resources = { requests: { cpu: "100m" }, limits: { cpu: "300m" } };
  const container = { name: "c", image: "busybox", command: ["sh", "-c", script], resources };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { terminationGracePeriodSeconds: 0, containers: [container] },
      },
    },
  };
}

before(() => {
  if (skip !== undefined) return;
  system = new GantryProcess(port);
  ok(system.gantry("image", "seed"));
  ok(system.up());
  for (const it of [
    deployment("busy", "while :; do :; done"),
    deployment("idle", "exec sleep 1000"),
  ]) {
    ok(system.kubectl(["apply", "-f", "-"], JSON.stringify(it)));
  }
  kubectl("rollout", "status", "deployment/busy", "--timeout=60s");
  kubectl("rollout", "status", "deployment/idle", "--timeout=60s");
});
after(() => {
  system?.[Symbol.dispose]();
});

test("kubectl top shows what nodes, pods and containers use", { skip }, async () => {
  const top = await eventuallySays(() => gantry().kubectl(["top", "pods"]).stdout, /busy-.*\d+m/);
  const used = Number(/busy-\S+ +(\d+)m/.exec(top)?.[1]);
  assert.ok(used > 150 && used < 450, top);
  await eventuallySays(
    () => gantry().kubectl(["top", "pods", "--containers"]).stdout,
    /idle-\S+ +c +\d+m/,
  );
  await eventuallySays(() => gantry().kubectl(["top", "nodes"]).stdout, /\d+m +\d+% +\d+Mi/);
  assert.match(
    gantry().kubectl(["top", "pods", "-l", "app=idle"]).stdout,
    /^NAME.*\nidle-\S+ .*\n$/,
  );
});

test("a busy workload gets more pods, within its bounds", { skip }, async () => {
  kubectl("autoscale", "deployment", "busy", "--cpu-percent=50", "--min=1", "--max=3");
  await eventuallySays(() => kubectl("get", "hpa", "busy"), / 3 +\S+$/m);
  assert.match(kubectl("describe", "hpa", "busy"), /SuccessfulRescale.*New size: 3/);
  assert.match(
    kubectl("get", "hpa", "busy", "-o", "jsonpath={.status.conditions}"),
    /TooManyReplicas/,
  );
});

test(
  "an idle one loses them down to its least, and one without requests says so",
  { skip },
  async () => {
    kubectl("scale", "deployment/idle", "--replicas=3");
    const spec = {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "idle" },
      minReplicas: 2,
      maxReplicas: 5,
      metrics: [
        {
          type: "Resource",
          resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } },
        },
      ],
      behavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
    };
    const autoscaler = (name: string, change: object): string =>
      JSON.stringify({
        apiVersion: "autoscaling/v2",
        kind: "HorizontalPodAutoscaler",
        metadata: { name },
        spec: { ...spec, ...change },
      });
    ok(gantry().kubectl(["apply", "-f", "-"], autoscaler("idle", {})));
    await eventuallySays(
      () => kubectl("get", "deployment", "idle", "-o", "jsonpath={.spec.replicas}"),
      /^2$/,
    );
    const external = {
      type: "External",
      external: { metric: { name: "queue" }, target: { type: "Value", value: "1" } },
    };
    ok(gantry().kubectl(["apply", "-f", "-"], autoscaler("outside", { metrics: [external] })));
    await eventuallySays(() => kubectl("describe", "hpa", "outside"), /FailedGetExternalMetric/);
    const target = { apiVersion: "apps/v1", kind: "Deployment", name: "nobody" };
    ok(gantry().kubectl(["apply", "-f", "-"], autoscaler("lost", { scaleTargetRef: target })));
    await eventuallySays(() => kubectl("describe", "hpa", "lost"), /FailedGetScale/);
  },
);
