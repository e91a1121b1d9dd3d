import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { s3Keys, S3Server, s3Signature } from "#testing/s3-server.ts";
import type { ObjectPorts, ObjectStore } from "./object-store.ts";
import { openObjectStore } from "./open-object-store.ts";

const { signal } = new AbortController();

async function keepsObjects(store: ObjectStore, folder: string): Promise<void> {
  const path = `${folder}/dag/manual__2026-01-01T00%3A00%3A00%2B00%3A00/a%20task/x-1.json`;
  await store.put(path, Buffer.from("[1]"), signal);
  await store.put(path, Buffer.from("[1, 2]"), signal);
  assert.equal((await store.get(path, signal)).toString(), "[1, 2]");
  await store.delete(path, signal);
  await store.delete(path, signal);
  await assert.rejects(store.get(path, signal));
}

function portsOf(endpoint: string, password: string): ObjectPorts {
  const extra = JSON.stringify({ endpoint_url: endpoint, region_name: "eu-central-1" });
  const connection = { id: "store", type: "aws", login: s3Keys.accessKeyId, password, extra };
  return {
    clock: systemClock,
    environment: {},
    fetch: (address, init) => fetch(address, init),
    connection: (id) => Promise.resolve(id === "store" ? connection : undefined),
  };
}

test("s3Signature: Amazon's examples of signed requests", () => {
  const common = { host: "examplebucket.s3.amazonaws.com", "x-amz-date": "20130524T000000Z" };
  const credential = `Credential=${s3Keys.accessKeyId}/20130524/us-east-1/s3/aws4_request`;
  const signed = (names: string): string =>
    `AWS4-HMAC-SHA256 ${credential},SignedHeaders=${names},Signature=x`;
  const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const get = {
    ...common,
    range: "bytes=0-9",
    "x-amz-content-sha256": empty,
    authorization: signed("host;range;x-amz-content-sha256;x-amz-date"),
  };
  assert.equal(
    s3Signature({ method: "GET", target: "/test.txt", headers: get }),
    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
  );
  const put = {
    ...common,
    date: "Fri, 24 May 2013 00:00:00 GMT",
    "x-amz-storage-class": "REDUCED_REDUNDANCY",
    "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
    authorization: signed("date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class"),
  };
  assert.equal(
    s3Signature({ method: "PUT", target: "/test%24file.text", headers: put }),
    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
  );
});

test("objects: files in a folder", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gantry-objects-"));
  try {
    const store = await openObjectStore(`file://${folder}`, portsOf("", ""));
    await keepsObjects(store, `file://${folder}`);
    assert.deepEqual(readdirSync(folder), ["dag"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("objects: S3, with signed requests, which are sent again while it is busy", async () => {
  await using server = await S3Server.start();
  const path = "s3://store@bucket/some/prefix";
  server.busy = 2;
  const store = await openObjectStore(path, portsOf(server.url, s3Keys.secretAccessKey));
  await keepsObjects(store, path);
  await store.put(`${path}/x.json`, Buffer.from("1"), signal);
  assert.deepEqual([...server.objects.keys()], ["/bucket/some/prefix/x.json"]);
  const stranger = await openObjectStore(path, portsOf(server.url, "wrong"));
  await assert.rejects(stranger.get(`${path}/x.json`, signal), /403 .*SignatureDoesNotMatch/);
  await assert.rejects(
    openObjectStore("s3://other@bucket/x", portsOf(server.url, "")),
    /connection other of s3:\/\/other@bucket\/x is not set/,
  );
});
