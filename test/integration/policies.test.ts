// LimitRange, ResourceQuota and Pod Security Standards as kubectl sees them, on simulated containers,
// and the audit log of it all.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventually, eventuallySays } from "#testing/eventually.ts";
import { GantryProcess, ok, systemMissing } from "#testing/gantry-process.ts";

const skip = systemMissing();
const port = 26_463;
let system: GantryProcess | undefined;

function gantry(): GantryProcess {
  assert.ok(system !== undefined);
  return system;
}

function kubectl(...args: readonly string[]): string {
  return ok(gantry().kubectl(args));
}

/** What kubectl has to say of what it does not like. */
function refused(args: readonly string[], input = ""): string {
  const result = gantry().kubectl(args, input);
  assert.notEqual(result.code, 0, result.stdout);
  return result.stderr;
}

function apply(namespace: string, manifest: object): string {
  const args = ["apply", "-n", namespace, "-f", "-"];
  return gantry().kubectl(args, JSON.stringify(manifest)).stderr;
}

/** `{"pods":"1"}` */
function used(namespace: string, name = "quota"): string {
  const path = "jsonpath={.status.used}";
  return kubectl("get", "quota", name, "-n", namespace, "-o", path);
}

function pod(name: string, resources: object = {}, spec: object = {}): object {
  const containers = [{ name: "c", image: "busybox", command: ["sleep", "1000"], resources }];
  const grace = { terminationGracePeriodSeconds: 0 };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: { ...grace, containers, ...spec },
  };
}

function deployment(name: string, replicas: number, resources: object = {}): object {
  const labels = { app: name };
  const containers = [{ name: "c", image: "busybox", command: ["sleep", "1000"], resources }];
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { terminationGracePeriodSeconds: 0, containers },
      },
    },
  };
}

const auditPolicy = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: None
    userGroups: ["system:nodes", "system:serviceaccounts"]
  - level: RequestResponse
    namespaces: [recorded]
    resources: [{ group: "", resources: [configmaps] }]
    omitManagedFields: true
  - level: Metadata
    namespaces: [recorded]
`;

function auditLog(): string {
  return join(gantry().directory, "audit.log");
}

/** Events of the audit log, in the order in which they were written. */
function audited(): Record<string, unknown>[] {
  const lines = readFileSync(auditLog(), "utf8").split("\n").slice(0, -1);
  return lines.map((it) => JSON.parse(it) as Record<string, unknown>);
}

before(() => {
  if (skip !== undefined) return;
  system = new GantryProcess(port);
  const policy = join(gantry().directory, "audit-policy.yaml");
  writeFileSync(policy, auditPolicy);
  const audit = ["--audit-log-path", auditLog(), "--audit-policy-file", policy];
  ok(gantry().up("--runtime", "simulated", ...audit));
});

after(() => {
  system?.[Symbol.dispose]();
});

test("a LimitRange gives pods their defaults and refuses what is too much", { skip }, () => {
  kubectl("create", "namespace", "limits");
  const limits = [
    {
      type: "Container",
      max: { memory: "1Gi" },
      default: { memory: "512Mi" },
      min: { cpu: "10m" },
    },
    { type: "PersistentVolumeClaim", max: { storage: "1Gi" } },
  ];
  apply("limits", {
    apiVersion: "v1",
    kind: "LimitRange",
    metadata: { name: "range" },
    spec: { limits },
  });
  const described = kubectl("describe", "limitrange", "range", "-n", "limits");
  assert.match(described, /Container\s+memory\s+-\s+1Gi\s+512Mi\s+512Mi\s+-/);

  apply("limits", pod("small"));
  const path = "jsonpath={.spec.containers[0].resources} {.metadata.annotations}";
  const got = kubectl("get", "pod", "small", "-n", "limits", "-o", path);
  assert.match(got, /"limits":\{"memory":"512Mi"\}/);
  assert.match(got, /"requests":\{"cpu":"10m","memory":"512Mi"\}/);
  assert.match(got, /LimitRanger plugin set: cpu, memory request for container c; memory limit/);

  const big = pod("big", { limits: { memory: "2Gi" } });
  assert.match(
    apply("limits", big),
    /pods "big" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi/,
  );
  const claim = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "claim" },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "2Gi" } } },
  };
  assert.match(
    apply("limits", claim),
    /"claim" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi/,
  );
});

test(
  "a quota is charged at once, refuses what is too much, and is given back",
  { skip },
  async () => {
    kubectl("create", "namespace", "quotas");
    const hard = "pods=2,requests.cpu=1,services=1,services.nodeports=0,count/configmaps=3";
    kubectl("create", "quota", "quota", "-n", "quotas", `--hard=${hard}`);
    // The certificates of the cluster are a config map, which may come a moment after the quota.
    await eventuallySays(
      () => used("quotas"),
      /"count\/configmaps":"1","pods":"0","requests.cpu":"0"/,
    );

    assert.match(
      apply("quotas", pod("silent")),
      /pods "silent" is forbidden: failed quota: quota: must specify requests.cpu for: c/,
    );
    assert.equal(apply("quotas", pod("one", { requests: { cpu: "600m" } })), "");
    assert.match(used("quotas"), /"pods":"1","requests.cpu":"600m"/);
    assert.match(
      apply("quotas", pod("two", { requests: { cpu: "500m" } })),
      /pods "two" is forbidden: exceeded quota: quota, requested: requests.cpu=500m, used: requests.cpu=600m, limited: requests.cpu=1$/m,
    );
    const tried = ["create", "-n", "quotas", "--dry-run=server", "-f", "-"];
    ok(gantry().kubectl(tried, JSON.stringify(pod("two", { requests: { cpu: "400m" } }))));
    assert.match(used("quotas"), /"pods":"1"/);

    const resize = JSON.stringify({
      spec: { containers: [{ name: "c", resources: { requests: { cpu: "1100m" } } }] },
    });
    assert.match(
      refused(["patch", "pod", "one", "-n", "quotas", "--subresource=resize", "--patch", resize]),
      /exceeded quota: quota, requested: requests.cpu=500m, used: requests.cpu=600m, limited: requests.cpu=1/,
    );

    kubectl("create", "service", "clusterip", "web", "--tcp=80", "-n", "quotas");
    assert.match(
      refused(["patch", "service", "web", "-n", "quotas", "-p", '{"spec":{"type":"NodePort"}}']),
      /services "web" is forbidden: exceeded quota: quota, requested: services.nodeports=1, used: services.nodeports=0, limited: services.nodeports=0/,
    );
    assert.match(
      kubectl("get", "quota", "-n", "quotas"),
      /quota\s+count\/configmaps: 1\/3, pods: 1\/2, requests.cpu: 600m\/1, services: 1\/1, services.nodeports: 0\/0/,
    );
    assert.match(
      kubectl("describe", "quota", "quota", "-n", "quotas"),
      /requests.cpu\s+600m\s+1\n/,
    );

    kubectl("delete", "pod", "one", "-n", "quotas");
    kubectl("delete", "service", "web", "-n", "quotas");
    await eventuallySays(() => used("quotas"), /"pods":"0","requests.cpu":"0","services":"0"/);
    kubectl("patch", "quota", "quota", "-n", "quotas", "-p", '{"spec":{"hard":{"secrets":"4"}}}');
    await eventuallySays(() => used("quotas"), /"secrets":"0"/);
  },
);

test("many pods at once get what a quota has and no more", { skip }, async () => {
  kubectl("create", "namespace", "race");
  kubectl("create", "quota", "quota", "-n", "race", "--hard=pods=5,count/deployments.apps=3");
  await eventuallySays(() => used("race"), /"pods":"0"/);
  for (const name of ["a", "b", "c"]) apply("race", deployment(name, 8));
  assert.match(apply("race", deployment("d", 1)), /exceeded quota: quota, requested: count\/dep/);
  await eventuallySays(() => used("race"), /"pods":"5"/);
  const list = ["get", "pods", "-n", "race", "-o", "name"];
  await eventuallySays(() => kubectl(...list), /^(pod\/\S+\n){5}$/);
  await eventuallySays(
    () => kubectl("get", "events", "-n", "race"),
    /FailedCreate.*exceeded quota: quota, requested: pods=1, used: pods=5, limited: pods=5/,
  );
  // What goes makes room for others, and never for more.
  kubectl("delete", "deployment", "a", "-n", "race");
  await eventuallySays(() => kubectl(...list), /^(pod\/[bc]\S+\n){5}$/);
  await eventuallySays(() => used("race"), /"pods":"5"/);
});

test("scopes: a quota counts only what it is about", { skip }, async () => {
  kubectl("create", "namespace", "scopes");
  for (const scope of ["BestEffort", "NotBestEffort", "Terminating"]) {
    const name = scope.toLowerCase();
    kubectl("create", "quota", name, "-n", "scopes", "--hard=pods=1", `--scopes=${scope}`);
    await eventuallySays(() => used("scopes", name), /"pods":"0"/);
  }
  assert.equal(apply("scopes", pod("idle")), "");
  assert.match(apply("scopes", pod("idler")), /exceeded quota: besteffort, requested: pods=1/);
  assert.equal(apply("scopes", pod("busy", { requests: { cpu: "1m" } })), "");
  assert.match(used("scopes", "terminating"), /"pods":"0"/);
  kubectl("patch", "pod", "busy", "-n", "scopes", "-p", '{"spec":{"activeDeadlineSeconds":900}}');
  assert.match(used("scopes", "terminating"), /"pods":"1"/);
});

const finding =
  /would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false \(container "c" must set securityContext.allowPrivilegeEscalation=false\), unrestricted capabilities \(container "c" must set securityContext.capabilities.drop=\["ALL"\]\), runAsNonRoot != true \(pod or container "c" must set securityContext.runAsNonRoot=true\), seccompProfile \(pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"\)/;

test("Pod Security: levels by label, refusals and warnings", { skip }, async () => {
  kubectl("create", "namespace", "secure");
  const label = "pod-security.kubernetes.io";
  assert.equal(apply("secure", pod("old", {}, { hostNetwork: true })), "");
  const labelled = gantry().kubectl(["label", "ns", "secure", `${label}/enforce=baseline`]);
  ok(labelled);
  assert.match(
    labelled.stderr,
    /Warning: existing pods in namespace "secure" violate the new PodSecurity enforce level "baseline:latest"\nWarning: old: host namespaces/,
  );
  assert.match(
    apply("secure", pod("host", {}, { hostPID: true })),
    /pods "host" is forbidden: violates PodSecurity "baseline:latest": host namespaces \(hostPID=true\)/,
  );
  assert.equal(apply("secure", pod("plain")), "");
  kubectl("label", "ns", "secure", `${label}/warn=restricted`);
  assert.match(apply("secure", pod("warned")), finding);
  assert.match(apply("secure", deployment("web", 1)), finding);
  await eventuallySays(() => kubectl("get", "deployment", "web", "-n", "secure"), /1\/1/);

  kubectl("label", "ns", "secure", "--overwrite", `${label}/enforce=restricted`);
  apply("secure", deployment("refused", 1));
  await eventuallySays(
    () => kubectl("get", "events", "-n", "secure"),
    /FailedCreate.*is forbidden: violates PodSecurity "restricted:latest": allowPrivilege/,
  );
  assert.match(
    refused(["label", "ns", "secure", "--overwrite", `${label}/enforce=strict`]),
    /metadata.labels\[pod-security.kubernetes.io\/enforce\]: Invalid value: "strict": must be one of privileged, baseline, restricted/,
  );
});

test("the audit log has what its policy wants, and no secrets", { skip }, async () => {
  kubectl("create", "namespace", "recorded");
  const labels = ["enforce=privileged", "audit=baseline"];
  const prefixed = labels.map((it) => `pod-security.kubernetes.io/${it}`);
  kubectl("label", "namespace", "recorded", ...prefixed);
  kubectl("create", "configmap", "c", "-n", "recorded", "--from-literal=key=value");
  kubectl("create", "secret", "generic", "s", "-n", "recorded", "--from-literal=key=hidden-value");
  const spec = { hostNetwork: true };
  assert.equal(apply("recorded", pod("audited", {}, spec)), "");
  refused(["get", "secrets", "-n", "recorded", "--as", "jane", "--as-group", "dev"]);
  // The last of what is asked here, so that all before it is written too.
  const refusal = await eventually(() => {
    const found = audited().find((it) => it["impersonatedUser"] !== undefined);
    assert.ok(found !== undefined);
    return found;
  });
  const events = audited();
  const written = (resource: string): Record<string, unknown> => {
    const found = events.find(({ verb, objectRef: it }) => {
      return verb === "create" && (it as { resource: string }).resource === resource;
    });
    assert.ok(found !== undefined, resource);
    return found;
  };
  const { level, requestObject, responseObject, responseStatus } = written("configmaps");
  assert.equal(level, "RequestResponse");
  assert.deepEqual((requestObject as { data: object }).data, { key: "value" });
  const { metadata } = responseObject as { metadata: Record<string, unknown> };
  assert.equal(metadata["name"], "c");
  assert.equal(metadata["managedFields"], undefined);
  assert.deepEqual(responseStatus, { metadata: {}, code: 201 });
  const secret = written("secrets");
  assert.equal(secret["level"], "Metadata");
  assert.deepEqual((secret["user"] as { username: string }).username, "kubernetes-admin");
  assert.equal((secret["objectRef"] as { name: string }).name, "s");
  assert.doesNotMatch(JSON.stringify(events), /aGlkZGVuLXZhbHVl|hidden-value/);
  assert.deepEqual(written("pods")["annotations"], {
    "authorization.k8s.io/decision": "allow",
    "authorization.k8s.io/reason": "",
    "pod-security.kubernetes.io/enforce-policy": "privileged:latest",
    "pod-security.kubernetes.io/audit-violations":
      'would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
  });
  const { impersonatedUser, annotations, responseStatus: status } = refusal;
  assert.deepEqual(impersonatedUser, { username: "jane", groups: ["dev", "system:authenticated"] });
  const decision = (annotations as Record<string, string>)["authorization.k8s.io/decision"];
  assert.deepEqual([decision, (status as { code: number }).code], ["forbid", 403]);
  const metrics = kubectl("get", "--raw", "/metrics");
  assert.match(metrics, /^apiserver_audit_event_total [1-9]/m);
  assert.match(metrics, /^apiserver_audit_level_total\{level="RequestResponse"\} [1-9]/m);
});

test("a wrong audit policy is told before anything is started", { skip }, () => {
  const path = join(gantry().directory, "wrong.yaml");
  writeFileSync(path, auditPolicy.replace("level: None", "level: Some"));
  const other = ["up", "--data-dir", join(gantry().directory, "other"), "--runtime", "simulated"];
  const asked = ["--audit-log-path", "/nowhere/audit.log", "--audit-policy-file", path];
  const { code, stderr } = gantry().program([...other, ...asked]);
  assert.equal(code, 1);
  assert.match(stderr, /wrong\.yaml: rules\[0\]\.level: Unsupported value: "Some"/);
});
