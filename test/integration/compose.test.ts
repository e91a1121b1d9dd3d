// Compose files, run by the cluster: order, health, names, volumes, ports, secrets.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  GantryProcess,
  ok,
  run,
  systemMissing,
  type CommandResult,
} from "#testing/gantry-process.ts";

const skip = systemMissing();
let system: GantryProcess | undefined;

const shop = `
name: my_shop
x-common: &common
  image: \${IMAGE:-busybox}
  stop_grace_period: 0s
  environment: &env
    GREETING: \${GREETING:-hello}
services:
  db:
    <<: *common
    command: sh -c 'echo $$GREETING >> /data/index.html; exec httpd -f -p 5432 -h /data'
    volumes: [data:/data]
    healthcheck: {test: [CMD, wget, -qO-, "http://localhost:5432/"], interval: 2s}
  init:
    <<: *common
    command: [sh, -c, "wget -qO- http://store:5432/ && echo seen"]
    environment: {<<: *env, STEP: init}
    links: [db:store]
    depends_on: {db: {condition: service_healthy}}
  web:
    <<: *common
    command: [sh, -c, "cat /etc/motto > /tmp/index.html; exec httpd -f -p 80 -h /tmp"]
    ports: ["18080:80"]
    environment: {OWN: "1"}
    secrets: [{source: motto, target: /etc/motto}]
    depends_on: {init: {condition: service_completed_successfully}}
  debug:
    <<: *common
    profiles: [debug]
    command: sleep 1000
volumes: {data: }
secrets: {motto: {file: ./motto.txt}}
`;

function gantry(): GantryProcess {
  assert.ok(system !== undefined);
  return system;
}

function folder(): string {
  return join(gantry().directory, "shop");
}

function write(name: string, text: string): void {
  writeFileSync(join(folder(), name), text);
}

function compose(...args: readonly string[]): CommandResult {
  const { kubeconfig } = gantry();
  const words = ["compose", "--project-directory", folder(), "--kubeconfig", kubeconfig];
  return gantry().program([...words, ...args]);
}

before(() => {
  if (skip !== undefined) return;
  system = new GantryProcess(27_143);
  mkdirSync(folder());
  write("compose.yaml", shop);
  write("motto.txt", "open all day\n");
  ok(system.gantry("image", "seed"));
  ok(system.up());
});
after(() => {
  system?.[Symbol.dispose]();
});

test("up waits for health and for ends, in the order of dependencies", { skip }, () => {
  const { stderr, code } = compose("up", "-d", "--wait");
  assert.equal(code, 0, stderr);
  const started = [...stderr.matchAll(/Service (\w+) {2}created/g)].map((it) => it[1]);
  assert.deepEqual(started.slice(-3), ["db", "init", "web"]);
  assert.match(ok(compose("ps")), /web-\S+ +busybox +web +Up .* 0\.0\.0\.0:18080->80\/tcp/);
  assert.match(ok(compose("ps", "-a")), /init-\S+ +busybox +init +Exited \(0\)/);
  assert.match(ok(compose("logs", "init")), /^init-\S+ \| hello\ninit-\S+ \| seen\n$/);
});

test("a published port is the node's, a secret is a file, a name is found", { skip }, () => {
  assert.equal(
    run("busybox", ["wget", "-qO-", "http://127.0.0.1:18080/"]).stdout,
    "open all day\n",
  );
  assert.equal(ok(compose("exec", "web", "wget", "-qO-", "http://db:5432/")), "hello\n");
  assert.equal(compose("exec", "web", "sh", "-c", "exit 3").code, 3);
  assert.match(compose("exec", "nobody", "true").stderr, /"nobody" is not running/);
});

test("up again changes what has changed, and volumes keep their content", { skip }, () => {
  write(".env", "GREETING=again\n");
  const { stderr, code } = compose("up", "-d", "--wait");
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Service db {2}changed/);
  assert.match(stderr, /Service web {2}unchanged/);
  assert.match(stderr, /Service init {2}started again/);
  // The dependency was awaited as it is now, not as it was.
  assert.match(ok(compose("logs", "init")), /\| hello\n.*\| again\n/);
  assert.equal(ok(compose("exec", "web", "wget", "-qO-", "http://db:5432/")), "hello\nagain\n");
});

test("profiles, scale and orphans", { skip }, () => {
  ok(compose("--profile", "debug", "up", "-d", "--wait", "--scale", "debug=2", "debug"));
  assert.equal(ok(compose("ps", "debug")).match(/ debug +Up /g)?.length, 2);
  // One whose profile is not asked for is in the files all the same.
  assert.doesNotMatch(compose("up", "-d").stderr, /debug/);
  write("smaller.yaml", shop.replace(/ {2}debug:\n(?: {4}.*\n)+/, ""));
  const smaller = (...args: readonly string[]): CommandResult =>
    compose("-f", join(folder(), "smaller.yaml"), "up", "-d", ...args);
  assert.match(smaller().stderr, /debug is of a service that the files do not have/);
  assert.match(smaller("--remove-orphans").stderr, /Service debug {2}removed/);
});

test("what cannot be done is told at its place", { skip }, () => {
  write("broken.yaml", "services: {a: {image: busybox, prots: []}}");
  assert.match(
    compose("-f", join(folder(), "broken.yaml"), "up").stderr,
    /broken\.yaml:1:32: services\.a: additional properties 'prots' not allowed \(did you mean ports\?\)/,
  );
  write(
    "failing.yaml",
    `name: failing
services:
  init: {image: busybox, command: sh -c 'exit 4', restart: "no"}
  app: {image: busybox, command: sleep 9, depends_on: {init: {condition: service_completed_successfully}}}`,
  );
  const failing = ["-f", join(folder(), "failing.yaml")];
  const { code, stderr } = compose(...failing, "up", "-d");
  assert.equal(code, 1);
  assert.match(stderr, /service "init" didn't complete successfully: exit 4/);
  ok(compose(...failing, "down", "-v"));
});

test("convert writes manifests that the API server takes", { skip }, () => {
  const manifests = ok(compose("--profile", "*", "convert"));
  ok(gantry().kubectl(["create", "namespace", "converted"]));
  const applied = ok(gantry().kubectl(["apply", "-n", "converted", "-f", "-"], manifests));
  assert.match(applied, /deployment\.apps\/debug created/);
  assert.match(applied, /service\/web-published created/);
});

test("down leaves the volumes, down -v nothing", { skip }, () => {
  const claims = () => gantry().kubectl(["get", "pvc", "-n", "my-shop", "-o", "name"]).stdout;
  ok(compose("down"));
  assert.equal(ok(compose("ps", "-a")).split("\n").length, 2);
  assert.equal(claims(), "persistentvolumeclaim/data\n");
  ok(compose("down", "-v"));
  const gone = ["wait", "--for=delete", "namespace/my-shop", "--timeout=60s"];
  ok(gantry().kubectl(gone));
});
