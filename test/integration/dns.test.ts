// Names of services and pods, asked by programs in pods.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventuallySays } from "#testing/eventually.ts";
import { GantryProcess, ok, systemMissing } from "#testing/gantry-process.ts";

const skip = systemMissing();
const port = 26_643;
let system: GantryProcess | undefined;

function gantry(): GantryProcess {
  assert.ok(system !== undefined);
  return system;
}

function kubectl(...args: readonly string[]): string {
  return ok(gantry().kubectl(args));
}

/** What a command in the asking pod prints, error messages included; it may fail. */
function inPod(command: string): string {
  const { stdout, stderr } = gantry().kubectl(["exec", "asks", "--", "sh", "-c", command]);
  return stdout + stderr;
}

const manifests = {
  apiVersion: "v1",
  kind: "List",
  items: [
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "web", labels: { app: "web" } },
      spec: {
        hostname: "first",
        subdomain: "named",
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: "c",
            image: "busybox",
            command: ["sh", "-c", "echo found > /tmp/index.html; exec httpd -f -p 8080 -h /tmp"],
          },
        ],
      },
    },
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "asks" },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [{ name: "c", image: "busybox", command: ["sleep", "600"] }],
      },
    },
    ...(
      [
        ["web", { ports: [{ name: "http", port: 80, targetPort: 8080 }] }],
        ["named", { clusterIP: "None", ports: [{ name: "http", port: 8080 }] }],
      ] as const
    ).map(([name, spec]) => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name },
      spec: { selector: { app: "web" }, ...spec },
    })),
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "alias" },
      spec: { type: "ExternalName", externalName: "web.default.svc.cluster.local" },
    },
  ],
};

before(() => {
  if (skip !== undefined) return;
  system = new GantryProcess(port);
  ok(system.gantry("image", "seed"));
  ok(system.up());
  ok(system.kubectl(["apply", "-f", "-"], JSON.stringify(manifests)));
  kubectl("wait", "--for=condition=Ready", "pod/web", "pod/asks", "--timeout=60s");
});
after(() => {
  system?.[Symbol.dispose]();
});

test("a service is found by its short and its full name, and answers", { skip }, async () => {
  for (const name of ["web", "web.default", "web.default.svc.cluster.local", "alias"]) {
    await eventuallySays(() => inPod(`wget -q -O - http://${name}/`), /^found$/m);
  }
  const address = kubectl("get", "service", "web", "-o", "jsonpath={.spec.clusterIP}");
  assert.match(inPod("nslookup web.default.svc.cluster.local"), new RegExp(`Address: ${address}`));
  assert.match(inPod(`nslookup ${address}`), /name = web\.default\.svc\.cluster\.local/);
});

test("headless services name their pods, by host name and by address", { skip }, () => {
  const address = kubectl("get", "pod", "web", "-o", "jsonpath={.status.podIP}");
  const dashed = address.replaceAll(".", "-");
  for (const name of ["named.default.svc", "first.named.default.svc", `${dashed}.default.pod`]) {
    const found = inPod(`nslookup ${name}.cluster.local.`);
    assert.match(found, new RegExp(`Address: ${address}`), found);
  }
  assert.match(
    inPod("nslookup -type=srv _http._tcp.named.default.svc.cluster.local"),
    /0 100 8080 first\.named\.default\.svc\.cluster\.local/,
  );
});

test("what is not there has no name, and the pod knows where to ask", { skip }, () => {
  assert.match(inPod("nslookup nobody.default.svc.cluster.local"), /NXDOMAIN/);
  const resolver = inPod("cat /etc/resolv.conf");
  assert.match(resolver, /^nameserver 10\.96\.0\.10$/m);
  assert.match(
    resolver,
    /^search default\.svc\.cluster\.local svc\.cluster\.local cluster\.local/m,
  );
  assert.match(resolver, /^options ndots:5$/m);
});

test("names follow their service at once", { skip }, async () => {
  kubectl("delete", "service", "web");
  await eventuallySays(() => inPod("nslookup web.default.svc.cluster.local"), /NXDOMAIN/);
  kubectl("create", "service", "clusterip", "web", "--tcp=80:8080");
  await eventuallySays(() => inPod("nslookup web.default.svc.cluster.local"), /Address: 10\.96\./);
});
