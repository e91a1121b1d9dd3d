import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, PersistentVolume, PersistentVolumeClaim } from "#api/gen/types.ts";
import { localPathProvisioner } from "#api/volumes/claims.ts";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Client } from "#client/client.ts";
import { Informers } from "#client/informers.ts";
import { nodes, persistentVolumeClaims, persistentVolumes, storageClasses } from "#client/kinds.ts";
import { runControllers } from "#controllers/list.ts";
import { persistentVolumeBinder } from "#controllers/persistentvolume/controller.ts";
import { eventually } from "#testing/eventually.ts";
import { nodeNamed } from "#testing/storage-fixtures.ts";
import { openTestApi } from "#testing/test-api.ts";
import { localPathControllerWith } from "./controller.ts";
import type { Directories } from "./directories.ts";

const never = new AbortController().signal;

/** Directories of nodes in memory. */
class FakeDirectories implements Directories {
  readonly there = new Set<string>();
  failure: Error | undefined;

  create(node: string, volume: string): Promise<string> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.there.add(`${node}/${volume}`);
    return Promise.resolve(`/volumes/${volume}`);
  }

  remove(node: string, volume: string): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.there.delete(`${node}/${volume}`);
    return Promise.resolve();
  }

  list(node: string): Promise<readonly string[]> {
    const names = [...this.there].filter((it) => it.startsWith(`${node}/`));
    return Promise.resolve(names.map((it) => it.slice(node.length + 1)));
  }

  removeEmpty(node: string, volume: string): Promise<void> {
    return this.remove(node, volume);
  }
}

/** Binder and provisioner over a real API server. */
async function withControllers(
  directories: FakeDirectories,
  body: (client: Client) => Promise<void>,
): Promise<void> {
  await using api = await openTestApi(systemClock);
  const { client } = api;
  const ports = { client, clock: systemClock, random: seededRandom(1), log: silentLogger };
  await using informers = new Informers(ports);
  await using tasks = new TaskGroup((error) => assert.fail(String(error)));
  const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
  const storageClass = {
    metadata: { name: "now", annotations },
    provisioner: localPathProvisioner,
    reclaimPolicy: "Delete",
    volumeBindingMode: "Immediate",
  };
  await client.create(storageClasses, storageClass, {}, never);
  tasks.start((signal) =>
    runControllers({ ...ports, clientOf: () => client, informers, rootCa: "PEM" }, signal, [
      { account: "persistent-volume-binder", make: persistentVolumeBinder },
      {
        account: "local-path-provisioner",
        make: (given) => localPathControllerWith(given, directories),
      },
    ]),
  );
  await body(client);
}

async function addNode(client: Client, name: string): Promise<void> {
  const node: Node = nodeNamed(name);
  const daemonEndpoints = { kubeletEndpoint: { Port: 10_250 } };
  const created = await client.create(nodes, { metadata: node.metadata }, {}, never);
  await client.updateStatus(
    nodes,
    { ...created, status: { ...node.status, daemonEndpoints } },
    never,
  );
}

async function addClaim(client: Client, name: string): Promise<PersistentVolumeClaim> {
  const spec = {
    accessModes: ["ReadWriteOnce"],
    resources: { requests: { storage: "1Gi" } },
    // The default class is taken by the binder, too: here is no admission.
  };
  const claim = { metadata: { namespace: "default", name }, spec };
  return await client.create(persistentVolumeClaims, claim, {}, never);
}

async function bound(client: Client, name: string): Promise<PersistentVolume> {
  return await eventually(async () => {
    const at = { namespace: "default", name };
    const claim = await client.get(persistentVolumeClaims, at, never);
    assert.equal(claim.status?.phase, "Bound");
    const volume = claim.spec?.volumeName ?? "";
    return await client.get(persistentVolumes, { name: volume }, never);
  });
}

test("local path: a claim gets a directory, and gives it back", async () => {
  const directories = new FakeDirectories();
  await withControllers(directories, async (client) => {
    await addNode(client, "n1");
    const claim = await addClaim(client, "data");
    const volume = await bound(client, "data");
    const name = `pvc-${claim.metadata?.uid ?? ""}`;
    assert.equal(volume.metadata?.name, name);
    assert.equal(volume.spec?.local?.path, `/volumes/${name}`);
    assert.deepEqual([...directories.there], [`n1/${name}`]);
    directories.failure = new Error("the node does not answer");
    const at = { namespace: "default", name: "data" };
    await client.delete(persistentVolumeClaims, at, {}, never);
    await eventually(async () => {
      const found = await client.get(persistentVolumes, { name }, never);
      assert.equal(found.status?.phase, "Released");
      assert.ok(found.metadata?.deletionTimestamp !== undefined, "held by its directory");
    });
    directories.failure = undefined;
    // A node that comes back is asked again.
    const node = await client.get(nodes, { name: "n1" }, never);
    const conditions = [{ type: "Ready", status: "Unknown" }];
    await client.updateStatus(nodes, { ...node, status: { ...node.status, conditions } }, never);
    await eventually(async () => {
      assert.deepEqual((await client.list(persistentVolumes, {}, never)).items, []);
    });
    assert.deepEqual([...directories.there], []);
  });
});

test("local path: a directory whose volume was never written goes, others stay", async () => {
  const directories = new FakeDirectories();
  await withControllers(directories, async (client) => {
    await addNode(client, "n1");
    await addClaim(client, "data");
    const volume = await bound(client, "data");
    directories.there.add("n2/pvc-left").add(`n2/${volume.metadata?.name ?? ""}`);
    await addNode(client, "n2");
    await eventually(() => {
      assert.equal(directories.there.has("n2/pvc-left"), false);
      return Promise.resolve();
    });
    assert.equal(directories.there.size, 2);
  });
});
