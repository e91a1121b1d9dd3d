// Jobs and CronJobs that run in real containers.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventuallySays } from "#testing/eventually.ts";
import { GantryProcess, ok, systemMissing } from "#testing/gantry-process.ts";

const skip = systemMissing();
const port = 26_743;
let system: GantryProcess | undefined;

function gantry(): GantryProcess {
  assert.ok(system !== undefined);
  return system;
}

function kubectl(...args: readonly string[]): string {
  return ok(gantry().kubectl(args));
}

/** A Job whose pods run a line of shell. */
function job(name: string, script: string, spec: object = {}): object {
  const container = { name: "c", image: "busybox", command: ["sh", "-c", script] };
  const pod = { restartPolicy: "Never", terminationGracePeriodSeconds: 1, containers: [container] };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name },
    spec: { ...spec, template: { spec: pod } },
  };
}

function apply(manifest: object): void {
  ok(gantry().kubectl(["apply", "-f", "-"], JSON.stringify(manifest)));
}

function status(name: string, field: string): string {
  return kubectl("get", "job", name, "-o", `jsonpath={.status.${field}}`);
}

before(() => {
  if (skip !== undefined) return;
  system = new GantryProcess(port);
  ok(system.gantry("image", "seed"));
  ok(system.up());
});
after(() => {
  system?.[Symbol.dispose]();
});

test("a Job runs to its completions, and its pods are let go", { skip }, () => {
  apply(job("count", "echo done", { completions: 3, parallelism: 2 }));
  kubectl("wait", "--for=condition=complete", "job/count", "--timeout=60s");
  assert.equal(status("count", "succeeded"), "3");
  assert.match(kubectl("logs", "job/count"), /done/);
  const held = kubectl(
    "get",
    "pods",
    "-l",
    "job-name=count",
    "-o",
    "jsonpath={.items[*].metadata.finalizers}",
  );
  assert.equal(held, "");
  assert.match(kubectl("get", "job", "count"), /Complete +3\/3/);
  kubectl("delete", "job", "count");
});

test(
  "a pod that no longer fits its Job is let go, and nothing holds it back",
  { skip },
  async () => {
    apply(job("letter", "sleep 100"));
    const named = await eventuallySays(
      () => kubectl("get", "pods", "-l", "job-name=letter", "-o", "name"),
      /^pod\/letter-\S+$/m,
    );
    const pod = named.trim();
    kubectl("label", pod, "job-name-", "batch.kubernetes.io/controller-uid-", "controller-uid-");
    await eventuallySays(
      () =>
        kubectl("get", pod, "-o", "jsonpath=[{.metadata.finalizers}{.metadata.ownerReferences}]"),
      /^\[(\[\])*\]$/,
    );
    kubectl("delete", pod, "job/letter", "--wait", "--timeout=60s");
  },
);

test("each index runs once, and knows which it is", { skip }, () => {
  const spec = { completions: 3, parallelism: 3, completionMode: "Indexed" };
  apply(job("indexed", 'echo "$JOB_COMPLETION_INDEX $(hostname)"', spec));
  kubectl("wait", "--for=condition=complete", "job/indexed", "--timeout=60s");
  assert.equal(status("indexed", "completedIndexes"), "0-2");
  const lines = kubectl("logs", "-l", "job-name=indexed", "--tail=-1").trim().split("\n").sort();
  assert.deepEqual(lines, ["0 indexed-0", "1 indexed-1", "2 indexed-2"]);
});

test("a Job that fails too often says so, and one that is too slow too", { skip }, async () => {
  apply(job("fails", "exit 3", { backoffLimit: 0 }));
  kubectl("wait", "--for=condition=failed", "job/fails", "--timeout=60s");
  assert.match(kubectl("describe", "job", "fails"), /BackoffLimitExceeded/);
  apply(job("slow", "sleep 600", { activeDeadlineSeconds: 2 }));
  kubectl("wait", "--for=condition=failed", "job/slow", "--timeout=60s");
  await eventuallySays(() => kubectl("get", "pods", "-l", "job-name=slow", "-o", "name"), /^$/);
  const coded = {
    backoffLimit: 5,
    podFailurePolicy: {
      rules: [{ action: "FailJob", onExitCodes: { operator: "In", values: [42] } }],
    },
  };
  apply(job("coded", "exit 42", coded));
  kubectl("wait", "--for=condition=failed", "job/coded", "--timeout=60s");
  assert.match(status("coded", "conditions"), /exit code 42 matching FailJob rule at index 0/);
});

test("a suspended Job waits, and a finished one goes when its time is over", { skip }, async () => {
  apply(job("waits", "true", { suspend: true, ttlSecondsAfterFinished: 1 }));
  await eventuallySays(() => status("waits", "conditions"), /JobSuspended/);
  assert.equal(kubectl("get", "pods", "-l", "job-name=waits", "-o", "name"), "");
  kubectl("patch", "job", "waits", "--type=merge", "-p", '{"spec":{"suspend":false}}');
  await eventuallySays(() => gantry().kubectl(["get", "job", "waits"]).stderr, /not found/);
});

test("a CronJob makes a Job at its time, and by hand", { skip }, async () => {
  const { spec } = job("x", "echo tick") as { spec: object };
  apply({
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: { name: "tick" },
    spec: { schedule: "@every 2s", jobTemplate: { spec } },
  });
  await eventuallySays(
    () => kubectl("get", "cronjob", "tick", "-o", "jsonpath={.status}"),
    /lastSuccessfulTime/,
  );
  kubectl("create", "job", "by-hand", "--from=cronjob/tick");
  kubectl("wait", "--for=condition=complete", "job/by-hand", "--timeout=60s");
  kubectl("delete", "cronjob", "tick");
  await eventuallySays(() => kubectl("get", "jobs", "-o", "name"), /^(?!.*tick)/s);
});
