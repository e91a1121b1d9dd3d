// The example application as a user runs it: built, applied, used, and hurt.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { segmentOf } from "#main/network/segment.ts";
import { eventuallySays } from "#testing/eventually.ts";
import { GantryProcess, ok, run, systemMissing } from "#testing/gantry-process.ts";

const skip = systemMissing();
const example = resolve(import.meta.dirname, "../../examples/notes");
const program = resolve(import.meta.dirname, "../../dist/gantry.js");
/** The network namespace in which `tools/integration.ts` runs. */
const network = process.env["GANTRY_TEST_OUTSIDE"] ?? "/proc/self/ns/net";
let system: GantryProcess | undefined;

function gantry(): GantryProcess {
  assert.ok(system !== undefined);
  return system;
}

function kubectl(...args: readonly string[]): string {
  return ok(gantry().kubectl(["-n", "notes", ...args]));
}

/** Runs a command of Gantry where packages can be had. */
async function outside(...args: readonly string[]): Promise<void> {
  const data = ["--data-dir", join(gantry().directory, "data")];
  const words = [`--net=${network}`, process.execPath, program, ...args, ...data];
  const child = spawn("nsenter", words, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-4_000)));
  const [code] = (await once(child, "close")) as [number];
  assert.equal(code, 0, said);
}

/** Asks through the Ingress. */
function ask(path: string, body?: string): string {
  const address = kubectl(
    "get",
    "ingress",
    "notes",
    "-o",
    "jsonpath={.status.loadBalancer.ingress[0].ip}",
  );
  const post = body === undefined ? [] : ["--post-data", body];
  const url = `http://${address}${path}`;
  return run("busybox", ["wget", "-qO-", "--header", "Host: notes.example", ...post, url]).stdout;
}

before(async () => {
  if (skip !== undefined) return;
  system = new GantryProcess(27_543);
  await outside("image", "seed", "debian:bookworm");
  await outside("build", "-t", "example-postgres", resolve(example, "../images/postgres"));
  for (const tier of ["api", "web"]) {
    await outside("build", "-t", `notes-${tier}`, join(example, tier));
  }
  ok(system.up("--nodes", "2"));
});
after(() => {
  system?.[Symbol.dispose]();
});

test("applied with kubectl, it is used through the Ingress", { skip }, async () => {
  const names = ok(gantry().kubectl(["get", "nodes", "-o", "name"]))
    .trim()
    .split("\n");
  const [first = ""] = names.filter((it) => !it.endsWith("-2"));
  // The database goes to the second node, which is lost later.
  ok(gantry().kubectl(["cordon", first]));
  const manifests = join(example, "manifests");
  for (const it of ["00-namespace.yaml", "10-db.yaml"]) {
    ok(gantry().kubectl(["apply", "-f", join(manifests, it)]));
  }
  kubectl("rollout", "status", "statefulset/db", "--timeout=110s");
  ok(gantry().kubectl(["uncordon", first]));
  ok(gantry().kubectl(["apply", "-f", manifests]));
  kubectl("rollout", "status", "deployment/api", "--timeout=110s");
  kubectl("rollout", "status", "deployment/web", "--timeout=110s");
  await eventuallySays(() => ask("/"), /<h1>Notes<\/h1>/, 90);
  assert.equal(ask("/api/notes"), "[]");
  assert.match(ask("/api/notes", '{"text": "buy milk"}'), /"id": 1, "text": "buy milk"/);
});

test("the database's pod is killed, and its data is found again", { skip }, async () => {
  kubectl("delete", "pod", "db-0", "--grace-period=1");
  kubectl("rollout", "status", "statefulset/db", "--timeout=110s");
  await eventuallySays(() => ask("/api/notes"), /buy milk/, 90);
});

test("the dump is made on a claim of its own", { skip }, () => {
  kubectl("create", "job", "dump-now", "--from=cronjob/dump");
  kubectl("wait", "--for=condition=Complete", "job/dump-now", "--timeout=110s");
  assert.match(kubectl("logs", "job/dump-now"), /\d{4}-\d\d-\d\d\.sql/);
});

test("only those who need the database reach it", { skip }, () => {
  const reach = "timeout 3 bash -c '</dev/tcp/db/5432' && echo reached";
  const from = (workload: string) =>
    gantry().kubectl(["-n", "notes", "exec", workload, "--", "bash", "-c", reach]).stdout;
  assert.equal(from("deploy/api"), "reached\n");
  assert.equal(from("deploy/web"), "");
});

test("the API grows with its load", { skip }, async () => {
  const replicas = () => kubectl("get", "hpa", "api", "-o", "jsonpath={.status.currentReplicas}");
  // The controller may have looked last before the Deployment had its pod.
  await eventuallySays(replicas, /^1$/, 90);
  const stop = new AbortController();
  const load = Array.from({ length: 3 }, async () => {
    while (!stop.signal.aborted) {
      const busy = spawn(
        "nsenter",
        [
          "--net=/proc/self/ns/net",
          "busybox",
          "wget",
          "-qO-",
          "--header",
          "Host: notes.example",
          loadUrl(),
        ],
        { stdio: "ignore" },
      );
      await once(busy, "close");
    }
  });
  try {
    await eventuallySays(replicas, /^[23]$/, 120);
  } finally {
    stop.abort();
    await Promise.all(load);
  }
});

function loadUrl(): string {
  const address = kubectl(
    "get",
    "ingress",
    "notes",
    "-o",
    "jsonpath={.status.loadBalancer.ingress[0].ip}",
  );
  return `http://${address}/api/primes?below=100000`;
}

test("the database's node is lost and comes back, with the data", { skip }, async () => {
  const node = kubectl("get", "pod", "db-0", "-o", "jsonpath={.spec.nodeName}");
  assert.match(node, /-2$/);
  const link = segmentOf(join(gantry().directory, "data")).linkOf(2);
  ok(run("ip", ["link", "set", link, "down"]));
  const status = () => ok(gantry().kubectl(["get", "node", node, "--no-headers"]));
  await eventuallySays(status, / NotReady /, 120);
  // The web tier has a pod elsewhere.
  await eventuallySays(() => ask("/"), /<h1>Notes<\/h1>/, 90);
  ok(run("ip", ["link", "set", link, "up"]));
  await eventuallySays(status, / Ready /, 120);
  await eventuallySays(() => ask("/api/notes"), /buy milk/, 120);
});
