import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { FakeCluster } from "#testing/kubelet-ports.ts";
import { StaticPods } from "./static-pods.ts";

/** How long the file system may take to tell of a change on a busy machine. */
const patienceMs = 30_000;

function manifest(image: string): string {
  const spec = { containers: [{ name: "app", image }] };
  return JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name: "web" }, spec });
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const signal = AbortSignal.timeout(patienceMs);
  while (!condition()) {
    if (signal.aborted) assert.fail(`never came: ${what}`);
    await systemClock.sleep(5, signal).catch(() => undefined);
  }
}

test("StaticPods: a manifest is a pod, its mirror shows it, and comes back", async () => {
  const directory = await mkdtemp(join(tmpdir(), "static-pods-"));
  const cluster = new FakeCluster();
  const stop = new AbortController();
  const pods = new StaticPods({
    directory,
    nodeName: "node-1",
    pods: cluster,
    api: cluster,
    events: cluster.recorder,
    nodeUid: () => "node-uid",
    clock: systemClock,
    log: silentLogger,
  });
  const running = pods.run(stop.signal);
  const mirror = (): ReturnType<FakeCluster["get"]> => cluster.list()[0];
  try {
    await writeFile(join(directory, "web.json"), manifest("busybox:1"));
    await until("mirror", () => mirror() !== undefined);
    assert.equal(mirror()?.metadata?.name, "web-node-1");
    const [own, ...more] = pods.list();
    assert.deepEqual(more, []);
    const uid = own?.metadata?.uid ?? "";
    assert.notEqual(uid, mirror()?.metadata?.uid);

    const patch = { metadata: { uid }, status: { phase: "Running" } };
    const at = { namespace: "default", name: "web-node-1" };
    await pods.api.patchPodStatus(at, patch, stop.signal);
    assert.equal(mirror()?.status?.phase, "Running");
    assert.equal(pods.get(uid)?.status?.phase, "Running");

    const deleted = mirror()?.metadata?.uid ?? "";
    cluster.remove(deleted);
    await until("another mirror", () => (mirror()?.metadata?.uid ?? deleted) !== deleted);

    await writeFile(join(directory, "web.json"), manifest("busybox:2"));
    await until("told to end", () => pods.get(uid)?.metadata?.deletionTimestamp !== undefined);
    await pods.api.deletePod(at, uid, stop.signal);
    await until("the new pod", () => pods.list()[0]?.spec?.containers[0]?.image === "busybox:2");
    await until("its mirror", () => mirror()?.spec?.containers[0]?.image === "busybox:2");

    await writeFile(join(directory, "bad.yaml"), "kind: Pod");
    await until("told", () => cluster.events.some((it) => it.includes("InvalidStaticPod")));
  } finally {
    stop.abort(new Error("test over"));
    await running;
    await rm(directory, { recursive: true });
  }
});
