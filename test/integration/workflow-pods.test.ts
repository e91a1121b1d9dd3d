// Tasks in pods of a real cluster: the scheduler knows it by its kubeconfig alone, the pods know the
// scheduler by its address alone.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import type { Pod } from "#api/gen/types.ts";
import { systemClock } from "#base/clock.ts";
import { openSqlite } from "#sql/sqlite.ts";
import { eventually } from "#testing/eventually.ts";
import { GantryProcess, ok, systemMissing } from "#testing/gantry-process.ts";
import { setInstanceStates } from "#workflows/scheduler/set-state.ts";

const missing = systemMissing();
const options = { skip: missing ?? false, timeout: 180_000 };
const boundMs = 60_000;
const home = mkdtempSync(`/tmp/gantry-pods-${process.pid}-`);
const dags = join(home, "dags");

let cluster: GantryProcess;
let scheduler: ChildProcess | undefined;

const files: Readonly<Record<string, string>> = {
  "lib/twice.ts": "export const twice = (n: number): number => n * 2;\n",
  "pods.ts": `import { bash, dag, task } from "gantry/workflows";
    import { twice } from "./lib/twice.ts";
    const numbers = task("numbers", () => [1, 2, 3]);
    const square = task("double", (input: { n: number }) => twice(input.n));
    export const pods = dag("pods", { isPausedUponCreation: false, defaultArgs: { executor: "KubernetesExecutor" } }, () => {
      const all = square.expand({ n: numbers() });
      const total = task("total", (input: { all: number[] }) => input.all.reduce((a, b) => a + b, 0))({ all });
      const container = { name: "base", env: [{ name: "COLOR", value: "blue" }] };
      bash("show", {
        command: "echo {{ ti.xcom_pull('total') }} in $COLOR, {{ var.value.api_key }}",
        executorConfig: { podOverride: { metadata: { labels: { team: "x" } }, spec: { containers: [container] } } },
      }).after(total);
      bash("nowhere", {
        command: "true",
        executorConfig: { podOverride: { spec: { containers: [{ image: "localhost:1/none:1" }] } } },
      });
    });\n`,
  "long.ts": `import { bash, dag } from "gantry/workflows";
    export const long = dag("long", { isPausedUponCreation: false }, () => {
      bash("waits", { executor: "KubernetesExecutor", command: "echo begins; while ! test -e /tmp/go; do sleep 0.2; done; echo ends" });
    });\n`,
  "operators.ts": `import { chain, dag, docker, kubernetesApply, kubernetesCreate, kubernetesDelete, kubernetesPod } from "gantry/workflows";
    const pod = { image: "busybox", cmds: ["sh", "-c"], namespace: "default" };
    export const operators = dag("operators", { isPausedUponCreation: false }, () => {
      const made = kubernetesPod("gives", {
        ...pod,
        arguments: ["echo made on {{ ds }} by $WHO; echo '{\\"rows\\": 7}' > /airflow/xcom/return.json"],
        envVars: { WHO: "{{ task.task_id }}" },
        labels: { team: "x" },
        doXcomPush: true,
      });
      kubernetesPod("takes", { ...pod, arguments: ["echo got {{ ti.xcom_pull('gives').rows }}"] }).after(made);
      kubernetesPod("fails", { ...pod, arguments: ["echo oh no >&2; echo why > /dev/termination-log; exit 3"], onFinishAction: "keep_pod" });
      kubernetesPod("skips", { ...pod, arguments: ["exit 99"], skipOnExitCode: 99 });
      kubernetesPod("nowhere", { ...pod, image: "localhost:1/none:1" });
      kubernetesPod("defers", { ...pod, arguments: ["for i in 1 2 3 4; do echo line $i; sleep 1; done"], deferrable: true, pollInterval: 1 });
      kubernetesPod("templated", {
        podTemplateDict: { metadata: { labels: { from: "template" } }, spec: { containers: [{ name: "x", image: "busybox", env: [{ name: "A", value: "1" }] }] } },
        envVars: { B: "2" },
        cmds: ["sh", "-c", "echo $A and $B"],
      });
      docker("contained", { image: "busybox", command: "sh -c 'echo one; echo two for {{ ds }}'", memLimit: "64m" });
      const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "made" }, data: { day: "{{ ds }}" } };
      chain(
        kubernetesCreate("creates", { objects: [map] }),
        kubernetesApply("applies", { objects: "apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: made}\\ndata: {more: 'yes'}\\n" }),
        kubernetesPod("reads", { ...pod, arguments: ["echo day $day, more $more"], configmaps: ["made"] }),
        kubernetesDelete("deletes", { objects: [map] }),
      );
    });\n`,
  "jobs.ts": `import { chain, dag, kubernetesDeleteJob, kubernetesJob, kubernetesPatchJob } from "gantry/workflows";
    const pod = { image: "busybox", cmds: ["sh", "-c"], namespace: "default", backoffLimit: 0 };
    export const jobs = dag("jobs", { isPausedUponCreation: false }, () => {
      kubernetesJob("counts", { ...pod, arguments: ["echo counted in {{ ds }}"], completions: 2, parallelism: 2, waitUntilJobComplete: true });
      kubernetesJob("gives", { ...pod, arguments: ["echo '{\\"rows\\": 7}' > /airflow/xcom/return.json"], completions: 2, doXcomPush: true, waitUntilJobComplete: true });
      kubernetesJob("fails", { ...pod, arguments: ["exit 3"], waitUntilJobComplete: true });
      kubernetesJob("defers", { ...pod, arguments: ["sleep 1"], deferrable: true, jobPollInterval: 1 });
      kubernetesJob("timed", { ...pod, arguments: ["sleep 600"], terminationGracePeriod: 1, waitUntilJobComplete: true, executionTimeout: "8s" });
      chain(
        kubernetesJob("made", { ...pod, name: "made", randomNameSuffix: false, suspend: true, arguments: ["true"] }),
        kubernetesPatchJob("patched", { name: "made", namespace: "default", body: { spec: { suspend: false } } }),
        kubernetesDeleteJob("deleted", { name: "made", namespace: "default", waitForCompletion: true, deleteOnStatus: "Complete" }),
      );
    });\n`,
  "ended.ts": `import { dag, kubernetesPod } from "gantry/workflows";
    import { appendFileSync } from "node:fs";
    const pod = { image: "busybox", cmds: ["sh", "-c"], namespace: "default", arguments: ["echo begins; sleep 600"], terminationGracePeriod: 1 };
    const called = (name) => (context) => appendFileSync("${join(home, "called")}", name + " " + context.error?.message + "\\n");
    export const ended = dag("ended", { isPausedUponCreation: false }, () => {
      kubernetesPod("timed", { ...pod, executionTimeout: "8s", onFailure: called("timed") });
      kubernetesPod("cleared", pod);
      kubernetesPod("marked", { ...pod, deferrable: true, pollInterval: 3600 });
    });
\n`,
  "told.ts": `import { dag, kubernetesPod } from "gantry/workflows";
    import { appendFileSync } from "node:fs";
    const pod = { image: "busybox", cmds: ["sh", "-c"], namespace: "default" };
    const tell = (...words) => appendFileSync("${join(home, "told")}", words.join(" ") + "\\n");
    const about = (name) => ({ pod, context }) => tell(context.taskId, name, pod.metadata.labels.by, pod.status.phase ?? "");
    const callbacks = {
      onSyncClientCreation: ({ context }) => tell(context.taskId, "client"),
      onPodManifestCreated: ({ podRequest }) => { podRequest.metadata.labels.by = "callback"; },
      onPodCreation: async ({ pod, client }) => {
        const metadata = { name: "beside-" + pod.metadata.name };
        await client.request("POST", "/api/v1/namespaces/default/configmaps", { metadata });
        const { items } = await client.request("GET", "/api/v1/namespaces/default/configmaps");
        tell(pod.metadata.labels.task_id, "creation", items.some((it) => it.metadata.name === metadata.name));
      },
      onPodStarting: about("starting"),
      onPodCompletion: about("completion"),
      onPodTeardown: about("teardown"),
      onPodCleanup: about("cleanup"),
      onOperatorResuming: about("resuming"),
      progressCallback: ({ line, containerName, context }) => tell(context.taskId, "line", containerName, line),
    };
    const throws = { onPodStarting: () => { throw new Error("not with me"); } };
    export const told = dag("told", { isPausedUponCreation: false }, () => {
      kubernetesPod("plain", { ...pod, arguments: ["echo one; echo two; sleep 1"], callbacks });
      kubernetesPod("deferred", { ...pod, arguments: ["sleep 1; echo one"], deferrable: true, pollInterval: 1, callbacks: [callbacks] });
      kubernetesPod("throws", { ...pod, arguments: ["sleep 600"], terminationGracePeriod: 1, callbacks: [callbacks, throws] });
      kubernetesPod("many", { ...pod, arguments: ["i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); done"] });
      kubernetesPod("broken", { ...pod, arguments: ["echo '{no' > /airflow/xcom/return.json"], doXcomPush: true, retries: 1 });
      kubernetesPod("large", { ...pod, arguments: ["yes 1 | head -c 1048577 > /airflow/xcom/return.json"], doXcomPush: true });
    });\n`,
  "full.ts": `import { bash, dag, expand } from "gantry/workflows";
    const container = { resources: { requests: { cpu: "700m" } } };
    const executorConfig = { podOverride: { spec: { containers: [container] } } };
    export const full = dag("full", { isPausedUponCreation: false }, () => {
      expand(bash, "step", { executor: "KubernetesExecutor", executorConfig }, { command: ["true", "true", "true", "true"] });
    });\n`,
  "secret.ts": `import { dag, bash } from "gantry/workflows";
    export const secret = dag("secret", { isPausedUponCreation: false }, () => {
      bash("shows", { command: "echo {{ var.value.plain_name }} at {{ conn.shop.host }} with {{ conn.shop.password }}; echo done" });
    });\n`,
  "held.ts": `import { dag, kubernetesPod } from "gantry/workflows";
    export const held = dag("held", { isPausedUponCreation: false }, () => {
      kubernetesPod("waits", {
        image: "busybox",
        cmds: ["sh", "-c", "echo begins; while ! test -e /tmp/go; do sleep 0.2; done; echo ends"],
        namespace: "default",
      });
    });\n`,
};

function start(): void {
  const where = ["--data-dir", join(cluster.directory, "data"), "--dags-folder", dags];
  const args = ["scheduler", ...where, "--executor", "LocalExecutor,KubernetesExecutor"];
  args.push("--worker-address", "0.0.0.0:18794", "--kubeconfig", join(home, "by-program"));
  const kwargs = JSON.stringify({ namespace: "default" });
  const secrets = [
    "AIRFLOW__SECRETS__BACKEND=airflow.providers.cncf.kubernetes.secrets.kubernetes_secrets_backend.KubernetesSecretsBackend",
    `AIRFLOW__SECRETS__BACKEND_KWARGS=${kwargs}`,
  ];
  const program = resolve("dist/gantry.js");
  scheduler = spawn("env", [...secrets, process.execPath, program, ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** A kubeconfig whose user logs in by a program, with the administrator's certificate. */
function writeKubeconfig(): void {
  const text = ok(cluster.kubectl(["config", "view", "--raw", "--flatten", "-o", "json"]));
  const config = JSON.parse(text) as { users: { user: Record<string, string> }[] };
  const [{ user } = { user: {} }] = config.users;
  const pem = (name: string): string => Buffer.from(user[name] ?? "", "base64").toString();
  const apiVersion = "client.authentication.k8s.io/v1";
  const status = {
    clientCertificateData: pem("client-certificate-data"),
    clientKeyData: pem("client-key-data"),
  };
  writeFileSync(
    join(home, "credential"),
    JSON.stringify({ apiVersion, kind: "ExecCredential", status }),
  );
  const exec = {
    apiVersion,
    command: "cat",
    args: [join(home, "credential")],
    interactiveMode: "Never",
  };
  const users = config.users.map((it) => ({ ...it, user: { exec } }));
  writeFileSync(join(home, "by-program"), JSON.stringify({ ...config, users }));
}

function states(dag: string, run: string): Record<string, string> {
  const text = ok(cluster.gantry("tasks", "states-for-dag-run", dag, run, "-o", "json"));
  const rows = JSON.parse(text) as Record<string, string | number | null>[];
  return Object.fromEntries(
    rows.map((it) => [
      `${String(it["task_id"])}${it["map_index"] === null ? "" : `[${String(it["map_index"])}]`}`,
      `${String(it["state"])} in try ${String(it["try_number"])}: ${String(it["reason"])}`,
    ]),
  );
}

function podsOf(dag: string): readonly Pod[] {
  const text = ok(cluster.kubectl(["get", "pods", "-l", `dag_id=${dag}`, "-o", "json"]));
  return (JSON.parse(text) as { items: Pod[] }).items;
}

async function running(dag: string, besides?: string): Promise<string> {
  return await eventually(() => {
    const found = podsOf(dag).find(
      (it) => it.status?.phase === "Running" && it.metadata?.name !== besides,
    );
    assert.ok(found?.metadata?.name !== undefined, "a pod runs");
    const log = ok(cluster.kubectl(["exec", found.metadata.name, "--", "ps"]));
    assert.match(log, /sleep/);
    return found.metadata.name;
  }, boundMs);
}

before(() => {
  if (missing !== undefined) return;
  cluster = new GantryProcess(17_791);
  ok(cluster.up("--no-workflows"));
  ok(cluster.gantry("image", "seed"));
  ok(cluster.gantry("image", "seed", "worker"));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(dags, path, ".."), { recursive: true });
    writeFileSync(join(dags, path), text);
  }
  ok(cluster.gantry("variables", "set", "api_key", "hunter2-hunter2"));
  writeKubeconfig();
  start();
});

after(() => {
  scheduler?.kill("SIGKILL");
  if (missing === undefined) cluster[Symbol.dispose]();
  rmSync(home, { recursive: true, force: true });
});

test(
  "pods: a DAG's tasks run in pods, with code, outputs, logs and overrides",
  options,
  async () => {
    await eventually(() => {
      ok(cluster.gantry("dags", "trigger", "pods", "-r", "one"));
    }, boundMs);
    await eventually(() => {
      const found = podsOf("pods").find((it) => it.metadata?.labels?.["task_id"] === "show");
      assert.equal(found?.metadata?.labels?.["team"], "x");
      assert.equal(found.metadata.annotations?.["run_id"], "one");
      assert.equal(found.spec?.automountServiceAccountToken, false);
    }, boundMs);
    await eventually(() => {
      const found = states("pods", "one");
      const { nowhere, ...others } = found;
      assert.match(nowhere ?? "", /^failed in try 1: pod .*localhost:1\/none:1: ErrImagePull: /);
      assert.deepEqual(others, {
        "double[0]": "success in try 1: null",
        "double[1]": "success in try 1: null",
        "double[2]": "success in try 1: null",
        numbers: "success in try 1: null",
        show: "success in try 1: null",
        total: "success in try 1: null",
      });
    }, boundMs);
    const log = ok(cluster.gantry("tasks", "logs", "pods", "one", "show"));
    assert.match(log, /12 in blue, \*\*\*/);
    assert.doesNotMatch(log, /hunter2/);
    // Pods of what succeeded go; that of the failed task stays to be looked at.
    await eventually(() => {
      const names = podsOf("pods").map((it) => it.metadata?.labels?.["task_id"]);
      assert.deepEqual(names, ["nowhere"]);
    }, boundMs);
  },
);

test(
  "pods: a killed scheduler's pods go on, and the next one takes them over",
  options,
  async () => {
    ok(cluster.gantry("dags", "trigger", "long", "-r", "kept"));
    const name = await running("long");
    const first = scheduler;
    first?.kill("SIGKILL");
    if (first !== undefined) await once(first, "exit");
    start();
    await eventually(() => {
      const owner = podsOf("long")[0]?.metadata?.labels?.["airflow-worker"];
      assert.equal(podsOf("long")[0]?.metadata?.name, name);
      assert.notEqual(owner, undefined);
    }, boundMs);
    ok(cluster.kubectl(["exec", name, "--", "touch", "/tmp/go"]));
    await eventually(() => {
      assert.deepEqual(states("long", "kept"), { waits: "success in try 1: null" });
    }, boundMs);
    const log = ok(cluster.gantry("tasks", "logs", "long", "kept", "waits"));
    assert.equal(log.match(/INFO - begins$/gm)?.length, 1, log);
    assert.equal(log.match(/INFO - ends$/gm)?.length, 1, log);
  },
);

test("pods: a task whose pod is deleted has failed, and says so", options, async () => {
  ok(cluster.gantry("dags", "trigger", "long", "-r", "lost"));
  const name = await running("long");
  ok(cluster.kubectl(["delete", "pod", name, "--now"]));
  await eventually(() => {
    const { waits = "" } = states("long", "lost");
    assert.match(waits, new RegExp(`^failed in try 1: pod ${name}.* was deleted`));
  }, boundMs);
});

test(
  "pods: what finds no room waits, says why, and runs once when there is room",
  options,
  async () => {
    const quota = ["create", "quota", "few", "--hard=pods=0"];
    ok(cluster.kubectl(quota));
    ok(cluster.gantry("dags", "trigger", "full", "-r", "one"));
    const why = (): string =>
      ok(cluster.gantry("tasks", "why", "full", "one", "step", "--map-index", "3"));
    await eventually(() => {
      assert.match(why(), /exceeded quota: few/);
    }, boundMs);
    // Room for all in the quota, and for two at a time on a node of two processors.
    ok(cluster.kubectl(["delete", "quota", "few"]));
    await eventually(() => {
      const want = "success in try 1: null";
      const all = Object.values(states("full", "one"));
      assert.deepEqual(all, [want, want, want, want]);
    }, 2 * boundMs);
  },
);

/** As the REST API does it. */
async function mark(taskId: string, state: "success" | "failed"): Promise<void> {
  await using database = openSqlite(join(cluster.directory, "data/workflows/workflows.sqlite"));
  const run = { dagId: "ended", runId: "one" };
  const chosen = (it: { readonly taskId: string }): boolean => it.taskId === taskId;
  const changed = await setInstanceStates(database, { run, state, chosen }, systemClock.now());
  assert.equal(changed.length, 1);
}

test("operators: a pod ends with its task: out of time, cleared, marked", options, async () => {
  ok(cluster.gantry("dags", "trigger", "ended", "-r", "one"));
  const podOf = (task: string): string | undefined =>
    podsOf("ended").find((it) => {
      const { labels, deletionTimestamp } = it.metadata ?? {};
      return labels?.["task_id"] === task && deletionTimestamp === undefined;
    })?.metadata?.name;
  const old = await eventually(() => {
    const [cleared, marked] = [podOf("cleared"), podOf("marked")];
    assert.ok(cleared !== undefined && marked !== undefined, "pods are there");
    assert.match(states("ended", "one")["marked"] ?? "", /^up_for_reschedule/);
    return cleared;
  }, boundMs);
  const clear = ["tasks", "clear", "ended", "--run-id", "one", "-t", "^cleared$", "--yes"];
  ok(cluster.gantry(...clear));
  await mark("marked", "success");
  await eventually(() => {
    const found = states("ended", "one");
    assert.match(found["timed"] ?? "", /^failed in try 1: .*execution timeout of 8000 ms/);
    assert.match(found["cleared"] ?? "", /^running in try 2/);
    assert.deepEqual([podOf("timed"), podOf("marked")], [undefined, undefined]);
    const again = podOf("cleared");
    assert.ok(again !== undefined && again !== old, "another pod runs");
  }, boundMs);
  await mark("cleared", "failed");
  await eventually(() => {
    assert.equal(podOf("cleared"), undefined);
    assert.match(
      readFileSync(join(home, "called"), "utf8"),
      /^timed .*execution timeout of 8000 ms$/m,
    );
  }, boundMs);
});

test("operators: Jobs to their end, patched, deleted, out of time", options, async () => {
  await eventually(() => {
    ok(cluster.gantry("dags", "trigger", "jobs", "-r", "one"));
  }, boundMs);
  await eventually(() => {
    const { fails = "", timed = "", ...others } = states("jobs", "one");
    assert.match(fails, /^failed in try 1: job fails-\S+ failed: BackoffLimitExceeded/);
    assert.match(timed, /^failed in try 1: .*execution timeout of 8000 ms/);
    for (const [task, it] of Object.entries(others)) assert.match(it, /^success/, task);
    const left = ok(cluster.kubectl(["get", "jobs", "-o", "name"]));
    assert.doesNotMatch(left, /timed|made/);
  }, boundMs);
  const log = ok(cluster.gantry("tasks", "logs", "jobs", "one", "counts"));
  assert.equal(log.match(/\[base\] counted in \d{4}-/g)?.length, 2, log);
  const rows = JSON.parse(
    ok(cluster.gantry("tasks", "outputs", "jobs", "one", "-o", "json")),
  ) as Record<string, unknown>[];
  const given = rows.find((it) => it["task_id"] === "gives" && it["key"] === "return_value");
  assert.deepEqual(given?.["value"], [{ rows: 7 }, { rows: 7 }]);
});

test("secrets: variables and connections from Secrets with Airflow's labels", options, async () => {
  const uri = "postgres://me:correct-horse@db.example/shop";
  const made = {
    connection: ["connection-id=shop", uri],
    variable: ["variable-key=plain_name", "battery-staple"],
  };
  for (const [name, [label = "", value = ""]] of Object.entries(made)) {
    ok(cluster.kubectl(["create", "secret", "generic", name, `--from-literal=value=${value}`]));
    ok(cluster.kubectl(["label", "secret", name, `airflow.apache.org/${label}`]));
  }
  ok(cluster.gantry("dags", "trigger", "secret", "-r", "one"));
  await eventually(() => {
    assert.deepEqual(states("secret", "one"), { shows: "success in try 1: null" });
  }, boundMs);
  const log = ok(cluster.gantry("tasks", "logs", "secret", "one", "shows"));
  assert.match(log, /INFO - \*\*\* at db\.example with \*\*\*/);
  assert.doesNotMatch(log, /battery|horse/);
  const shown = ok(cluster.gantry("variables", "list")) + ok(cluster.gantry("connections", "list"));
  assert.doesNotMatch(shown, /plain_name|shop|battery/);
});

test("operators: pods as tasks, with logs, outputs, failures and skips", options, async () => {
  ok(cluster.gantry("dags", "trigger", "operators", "-r", "one"));
  await eventually(() => {
    const { fails, nowhere, defers, skips, ...others } = states("operators", "one");
    assert.match(fails ?? "", /^failed in try 1: pod fails-\S+ failed: .*exit code 3: why$/);
    assert.match(nowhere ?? "", /^failed in try 1: pod nowhere-\S+ did not start: .*ErrImagePull/);
    assert.match(defers ?? "", /^success/);
    assert.match(skips ?? "", /^skipped in try 1: pod skips-\S+ ended with exit code 99$/);
    assert.deepEqual(others, {
      applies: "success in try 1: null",
      contained: "success in try 1: null",
      creates: "success in try 1: null",
      deletes: "success in try 1: null",
      gives: "success in try 1: null",
      reads: "success in try 1: null",
      takes: "success in try 1: null",
      templated: "success in try 1: null",
    });
  }, boundMs);
  const log = (task: string): string =>
    ok(cluster.gantry("tasks", "logs", "operators", "one", task));
  assert.match(log("gives"), /\[base\] made on \d{4}-\d\d-\d\d by gives/);
  assert.match(log("contained"), /\[base\] one/);
  assert.match(log("reads"), /\[base\] day \d{4}-\d\d-\d\d, more yes/);
  const outputs = JSON.parse(
    ok(cluster.gantry("tasks", "outputs", "operators", "one", "-o", "json")),
  ) as Record<string, unknown>[];
  const found = outputs.find((it) => it["task_id"] === "contained" && it["key"] === "return_value");
  assert.match(String(found?.["value"]), /^two for \d{4}-\d\d-\d\d$/);
  assert.match(log("takes"), /\[base\] got 7/);
  assert.match(log("fails"), /\[base\] oh no/);
  assert.match(log("templated"), /\[base\] 1 and 2/);
  assert.match(log("nowhere"), /pod event: Pulling: .*localhost:1/);
  const lines = log("defers").match(/\[base\] line \d/g);
  assert.deepEqual(
    lines,
    ["1", "2", "3", "4"].map((it) => `[base] line ${it}`),
  );
  await eventually(() => {
    const names = podsOf("operators").map((it) => it.metadata?.labels?.["task_id"]);
    assert.deepEqual(names, ["fails"]);
  }, boundMs);
});

test("operators: callbacks of pods, long logs, outputs that cannot be", options, async () => {
  ok(cluster.gantry("dags", "trigger", "told", "-r", "one"));
  await eventually(() => {
    const { broken, large, throws, ...others } = states("told", "one");
    assert.match(broken ?? "", /^failed in try 1: .*return\.json is not JSON: \{no/);
    assert.match(large ?? "", /^failed in try 1: .*return\.json has more than 1048576 bytes/);
    assert.match(throws ?? "", /^failed in try 1: not with me$/);
    const want = "success in try 1: null";
    assert.deepEqual(others, { plain: want, deferred: want, many: want });
  }, 2 * boundMs);
  const lines = readFileSync(join(home, "told"), "utf8").trim().split("\n");
  const of = (task: string): readonly string[] =>
    lines.filter((it) => it.startsWith(`${task} `)).map((it) => it.slice(task.length + 1));
  assert.deepEqual(of("plain").toSorted(), [
    "cleanup callback Succeeded",
    "client",
    "completion callback Succeeded",
    "creation true",
    "line base one",
    "line base two",
    "starting callback Running",
    "teardown callback Succeeded",
  ]);
  assert.ok(of("deferred").includes("resuming callback Succeeded"), of("deferred").join("\n"));
  const log = ok(cluster.gantry("tasks", "logs", "told", "one", "many"));
  const numbers = [...log.matchAll(/\[base\] line (\d+)$/gm)].map((it) => Number(it[1]));
  assert.deepEqual(numbers, [...numbers.keys()]);
  assert.equal(numbers.length, 30_000);
  await eventually(() => {
    assert.deepEqual(podsOf("told"), []);
  }, boundMs);
});

test(
  "operators: a pod outlives the worker of its task, which goes on with it",
  options,
  async () => {
    ok(cluster.gantry("dags", "trigger", "held", "-r", "kept"));
    const name = await running("held");
    await eventually(() => {
      assert.match(ok(cluster.gantry("tasks", "logs", "held", "kept", "waits")), /\[base\] begins/);
    }, boundMs);
    const first = scheduler;
    first?.kill("SIGKILL");
    if (first !== undefined) await once(first, "exit");
    start();
    await eventually(() => {
      const log = ok(cluster.gantry("tasks", "logs", "held", "kept", "waits"));
      assert.match(log, new RegExp(`goes on with pod ${name}`));
    }, boundMs);
    ok(cluster.kubectl(["exec", name, "--", "touch", "/tmp/go"]));
    await eventually(() => {
      assert.match(states("held", "kept")["waits"] ?? "", /^success/);
    }, boundMs);
    const log = ok(cluster.gantry("tasks", "logs", "held", "kept", "waits"));
    assert.match(log, /\[base\] ends/);
  },
);
