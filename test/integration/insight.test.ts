// What an operator sees: metrics as Prometheus scrapes them, health, events, logs.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readExposition, valueOf, type ReadSample } from "#testing/exposition-check.ts";
import { eventuallySays } from "#testing/eventually.ts";
import { GantryProcess, ok, run, systemMissing } from "#testing/gantry-process.ts";

const skip = systemMissing();
const port = 27_543;
const promtool = "/usr/bin/promtool";
let system: GantryProcess | undefined;
let node = "";
let address = "";

function gantry(): GantryProcess {
  assert.ok(system !== undefined);
  return system;
}

function kubectl(...args: readonly string[]): string {
  return ok(gantry().kubectl(args));
}

function apply(...manifests: readonly object[]): void {
  const list = { apiVersion: "v1", kind: "List", items: manifests };
  ok(gantry().kubectl(["apply", "-f", "-"], JSON.stringify(list)));
}

/** Asks until the answer satisfies, and shows the last one when it never does. */
/** The text, checked by a parser of ours and, where there is one, by Prometheus' own. */
function checked(text: string): readonly ReadSample[] {
  if (existsSync(promtool)) {
    const { stderr, stdout } = run(promtool, ["check", "metrics"], { input: text });
    assert.doesNotMatch(`${stdout}${stderr}`, /error while linting|no help text|invalid/);
  }
  return readExposition(text);
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** As Prometheus does it: a token, and the cluster's authority. */
async function scrape(url: string, token: string | undefined): Promise<Answer> {
  const config = readFileSync(gantry().kubeconfig, "utf8");
  const ca = Buffer.from(
    /"certificate-authority-data": "([^"]+)"/.exec(config)?.[1] ?? "",
    "base64",
  );
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const asked = request(url, { ca, headers, agent: false }, (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("error", reject);
    response.on("end", () => {
      resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
    });
  });
  asked.on("error", reject);
  asked.end();
  return await promise;
}

before(() => {
  if (skip !== undefined) return;
  system = new GantryProcess(port);
  ok(system.up("--log-level", "debug"));
  ok(system.gantry("image", "seed"));
  node = kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}");
  const path = 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}';
  address = kubectl("get", "nodes", "-o", path);
});

after(() => {
  system?.[Symbol.dispose]();
});

const script = "while true; do date >> /data/times; sleep 1; done";
const web = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web" },
  spec: {
    containers: [
      {
        name: "app",
        image: "busybox",
        command: ["sh", "-c", script],
        volumeMounts: [{ name: "data", mountPath: "/data" }],
        livenessProbe: { exec: { command: ["true"] }, periodSeconds: 1 },
        resources: { limits: { cpu: "200m", memory: "64Mi" } },
      },
    ],
    volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }],
  },
};
const claim = {
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { name: "data" },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
};
const absent = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "absent" },
  spec: { containers: [{ name: "app", image: "busybox:none" }] },
};
/** The roles that Prometheus is given everywhere. */
const monitoring = [
  { apiVersion: "v1", kind: "Namespace", metadata: { name: "monitoring" } },
  {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "prometheus", namespace: "monitoring" },
  },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    metadata: { name: "prometheus" },
    rules: [
      { apiGroups: [""], resources: ["nodes/metrics"], verbs: ["get"] },
      { apiGroups: [""], resources: ["nodes", "pods"], verbs: ["get", "list", "watch"] },
      { nonResourceURLs: ["/metrics"], verbs: ["get"] },
    ],
  },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: "prometheus" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "prometheus" },
    subjects: [{ kind: "ServiceAccount", name: "prometheus", namespace: "monitoring" }],
  },
];

test("health: each path, each check, and the node's own", { skip }, () => {
  for (const path of ["/healthz", "/livez", "/readyz", "/readyz/etcd"]) {
    assert.equal(kubectl("get", "--raw", path), "ok");
  }
  assert.match(
    kubectl("get", "--raw", "/readyz?verbose"),
    /\[\+\]etcd ok\n[^]*readyz check passed/,
  );
  assert.equal(kubectl("get", "--raw", `/api/v1/nodes/${node}/proxy/healthz`), "ok");
});

test("the control plane's metrics: requests, queues, store, process", { skip }, async () => {
  apply(claim, web, absent, ...monitoring);
  kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s");
  const samples = checked(kubectl("get", "--raw", "/metrics"));
  const created = { verb: "APPLY", resource: "pods", code: "201" };
  const posted = { verb: "POST", resource: "pods", code: "201" };
  const made =
    valueOf(samples, "apiserver_request_total", created) ??
    valueOf(samples, "apiserver_request_total", posted);
  assert.ok((made ?? 0) >= 2, "creations are counted");
  assert.ok((valueOf(samples, "apiserver_storage_objects", { resource: "pods" }) ?? 0) >= 2);
  assert.ok((valueOf(samples, "workqueue_adds_total", { name: "serviceaccount" }) ?? 0) > 0);
  assert.ok((valueOf(samples, "rest_client_requests_total", { code: "200" }) ?? 0) > 0);
  assert.ok((valueOf(samples, "etcd_requests_total", { operation: "create" }) ?? 0) > 0);
  assert.ok((valueOf(samples, "process_resident_memory_bytes") ?? 0) > 1e7);
  const watches = { verb: "WATCH", resource: "pods" };
  assert.ok((valueOf(samples, "apiserver_longrunning_requests", watches) ?? 0) > 0);
  await Promise.resolve();
});

test(
  "the node's metrics: the kubelet's, containers', probes', through the API",
  { skip },
  async () => {
    const raw = (path: string): string =>
      kubectl("get", "--raw", `/api/v1/nodes/${node}/proxy/${path}`);
    const own = checked(raw("metrics"));
    assert.equal(valueOf(own, "kubelet_node_name", { node }), 1);
    assert.ok((valueOf(own, "kubelet_running_pods") ?? 0) >= 1);
    assert.ok((valueOf(own, "kubelet_pod_start_duration_seconds_count") ?? 0) >= 1);
    const started = { operation_type: "start_container" };
    assert.ok((valueOf(own, "kubelet_runtime_operations_total", started) ?? 0) >= 1);
    const volume = { namespace: "default", persistentvolumeclaim: "data" };
    assert.ok((valueOf(own, "kubelet_volume_stats_capacity_bytes", volume) ?? 0) > 0);
    assert.ok((valueOf(own, "kubelet_certificate_manager_server_ttl_seconds") ?? 0) > 86_400);
    assert.ok((valueOf(own, "kubeproxy_sync_proxy_rules_duration_seconds_count") ?? 0) > 0);

    const containers = checked(raw("metrics/cadvisor"));
    const app = { namespace: "default", pod: "web", container: "app", image: "busybox" };
    assert.ok((valueOf(containers, "container_memory_working_set_bytes", app) ?? 0) > 0);
    assert.equal(valueOf(containers, "container_spec_memory_limit_bytes", app), 64 * 1024 * 1024);
    assert.equal(valueOf(containers, "container_spec_cpu_quota", app), 20_000);
    const network = { pod: "web", interface: "eth0" };
    assert.ok(valueOf(containers, "container_network_receive_bytes_total", network) !== undefined);
    assert.ok((valueOf(containers, "machine_cpu_cores") ?? 0) >= 1);
    const cpu = { ...app, cpu: "total" };
    const before = valueOf(containers, "container_cpu_usage_seconds_total", cpu) ?? Infinity;
    await eventuallySays(() => {
      const now = valueOf(
        checked(raw("metrics/cadvisor")),
        "container_cpu_usage_seconds_total",
        cpu,
      );
      return (now ?? 0) > before ? "more" : "as before";
    }, /more/);

    const answered = /prober_probe_total\{probe_type="Liveness",result="successful".*pod="web"/;
    checked(await eventuallySays(() => raw("metrics/probes"), answered));
    checked(raw("metrics/resource"));
  },
);

test("Prometheus' service account may scrape, and no more; others may not", { skip }, async () => {
  const token = kubectl("-n", "monitoring", "create", "token", "prometheus").trim();
  const stranger = kubectl("create", "token", "default").trim();
  const server = `https://127.0.0.1:${port}`;
  const kubelet = `https://${address}:10250`;
  const cases: [url: string, token: string | undefined, want: number][] = [
    [`${server}/metrics`, token, 200],
    [`${server}/metrics`, stranger, 403],
    [`${kubelet}/metrics`, token, 200],
    [`${kubelet}/metrics/cadvisor`, token, 200],
    [`${kubelet}/metrics`, stranger, 403],
    [`${kubelet}/metrics`, undefined, 401],
    [`${kubelet}/metrics`, "nonsense", 401],
    [`${kubelet}/pods`, token, 403],
    [`${kubelet}/containerLogs/default/web/app`, token, 403],
  ];
  for (const [url, by, want] of cases) {
    const { status, body } = await scrape(url, by);
    assert.equal(status, want, `${url}: ${body.slice(0, 200)}`);
    if (want === 200) checked(body);
  }
});

test("events tell a pod's story, in both groups, and repeat by count", { skip }, async () => {
  const reasons = (pod: string, kind = "events"): string =>
    kubectl("get", kind, "--field-selector", `${fieldOf(kind)}=${pod}`, "-o", "json");
  const fieldOf = (kind: string): string =>
    kind === "events" ? "involvedObject.name" : "regarding.name";
  const told = await eventuallySays(() => reasons("web"), /"Started"/);
  for (const reason of ["Scheduled", "Pulled", "Created", "Started"]) {
    assert.match(told, new RegExp(`"reason": "${reason}"`));
  }
  assert.match(told, /"message": "Successfully assigned default\/web to /);
  assert.match(reasons("web", "events.events.k8s.io"), /"note": "Container started"/);
  await eventuallySays(
    () => reasons("absent"),
    /"message": "Back-off pulling image \\"busybox:none\\""/,
  );
  await eventuallySays(() => reasons("absent"), /"count": [2-9]/);
  assert.match(reasons("absent"), /"message": "Error: ImagePullBackOff"/);
  assert.match(kubectl("describe", "pod", "absent"), /Warning +Failed +.*kubelet.*Failed to pull/);
  const ofNode = await eventuallySays(() => reasons(node), /RegisteredNode/);
  assert.match(ofNode, /NodeHasSufficientMemory/);
});

test("the log: one JSON object a line, with time, level and component", { skip }, () => {
  const text = readFileSync(join(gantry().directory, "data", "gantry.log"), "utf8");
  const lines = text.trim().split("\n");
  assert.ok(lines.length > 3);
  for (const line of lines) {
    const { time, level, message } = JSON.parse(line) as Record<string, unknown>;
    assert.ok(typeof time === "string" && typeof message === "string", line);
    assert.ok(level === "info" || level === "error" || level === "debug", line);
  }
  assert.match(text, /"level":"debug","message":"request","component":"apiserver"/);
  assert.match(text, /"component":"kubelet","pod":"web_default/);
});
