// What breaks around a node: its container runtime killed, a registry that hangs.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventuallySays } from "#testing/eventually.ts";
import { GantryProcess, ok, systemMissing } from "#testing/gantry-process.ts";

const skip = systemMissing();
let system: GantryProcess | undefined;
let registry: Server | undefined;
const sockets = new Set<Socket>();

function gantry(): GantryProcess {
  assert.ok(system !== undefined);
  return system;
}

function kubectl(...args: readonly string[]): string {
  return ok(gantry().kubectl(args));
}

function started(pod: string): string {
  const path = "jsonpath={.status.containerStatuses[0].state.running.startedAt}";
  return kubectl("get", "pod", pod, "-o", path);
}

before(() => {
  if (skip !== undefined) return;
  system = new GantryProcess(28_743);
  ok(system.gantry("image", "seed"));
  ok(system.up());
});
after(() => {
  for (const it of sockets) it.destroy();
  registry?.close();
  system?.[Symbol.dispose]();
});

test("a registry that hangs holds up its own pod only, which says so", { skip }, async () => {
  const hanging = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  registry = hanging;
  hanging.listen(0, "127.0.0.1");
  await once(hanging, "listening");
  const { port } = hanging.address() as AddressInfo;
  kubectl("run", "hung", `--image=127.0.0.1:${port}/app:1`);
  await eventuallySays(() => kubectl("get", "events"), /Pulling image "127\.0\.0\.1:/);
  kubectl("run", "fine", "--image=busybox", "--restart=Never", "--", "sleep", "1000");
  kubectl("wait", "--for=condition=Ready", "pod/fine", "--timeout=60s");
  const reason = "jsonpath={.status.containerStatuses[0].state.waiting.reason}";
  const waiting = (): string => kubectl("get", "pod", "hung", "-o", reason);
  await eventuallySays(waiting, /ErrImagePull|ImagePullBackOff/, 120);
  assert.match(kubectl("describe", "pod", "hung"), /nothing came from its registry for 60 seconds/);
  kubectl("delete", "pod", "hung", "--timeout=60s");
});

test("containerd killed: containers go on, and the node is whole again", { skip }, async () => {
  const pidFile = join(gantry().directory, "data", "node", "containerd.pid");
  const pid = (): string => readFileSync(pidFile, "utf8").trim();
  const killed = pid();
  const before_ = started("fine");
  process.kill(Number(killed), "SIGKILL");
  await eventuallySays(() => (pid() === killed ? "the old one" : "another"), /another/);
  const echo = () => gantry().kubectl(["exec", "fine", "--", "echo", "here"]).stdout;
  await eventuallySays(echo, /^here$/m);
  kubectl("run", "next", "--image=busybox", "--restart=Never", "--", "sleep", "1000");
  kubectl("wait", "--for=condition=Ready", "pod/next", "pod/fine", "--timeout=60s");
  assert.equal(started("fine"), before_);
});
