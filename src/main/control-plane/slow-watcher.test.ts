import assert from "node:assert/strict";
import { once } from "node:events";
import type { ClientHttp2Stream } from "node:http2";
import { test } from "node:test";
import type { ConfigMap } from "#api/gen/types.ts";
import { ringBytesMax } from "#apiserver/cache/event-ring.ts";
import { systemClock } from "#base/clock.ts";
import { configMaps } from "#client/kinds.ts";
import { loopbackCertificates } from "#testing/loopback-certificates.ts";
import { openStreams } from "#testing/raw-streams.ts";
import { openTestApi } from "#testing/test-api.ts";
import { openTestFront } from "#testing/test-front.ts";

test(
  "watch: a client that stops reading is ended as too old, and others on its connection are not",
  { timeout: 180_000 },
  async () => {
    const certificates = await loopbackCertificates();
    await using testApi = await openTestApi(systemClock);
    await using front = await openTestFront(testApi.api, certificates);
    const { client } = testApi;
    const signal = AbortSignal.timeout(180_000);
    const at = { namespace: "default", name: "large" };
    const first = await client.create<ConfigMap>(configMaps, { metadata: at }, {}, signal);
    const since = first.metadata?.resourceVersion ?? "";
    const path = `/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=${since}`;
    await using readers = await openStreams(front.port, [path, path], 1);
    const [stuck, reading] = readers.streams;
    assert.ok(stuck !== undefined && reading !== undefined);
    const [ended, all] = [linesOf(stuck), linesOf(reading)];
    stuck.pause();
    const size = 1_000_000; // A ConfigMap takes little more.
    // An event keeps the object as it is and as it was.
    const changes = Math.ceil(ringBytesMax / (2 * size)) + 8;
    for (let i = 0; i < changes; i++) {
      const data = { text: String.fromCharCode(97 + (i % 26)).repeat(size) };
      await client.patch(configMaps, at, { type: "merge", body: { data } }, signal);
      while (all.types.length <= i) await once(reading, "data");
    }
    assert.deepEqual([...new Set(all.types)], ["MODIFIED"]);
    stuck.resume();
    await once(stuck, "close");
    assert.equal(ended.types.at(-1), "ERROR");
    assert.ok(ended.types.length < changes, "it was sent what it missed");
    assert.match(ended.last, /"code":410/);
    assert.match(ended.last, /too old resource version/);
    await assert.rejects(
      async () => {
        for await (const batch of client.watch(configMaps, { resourceVersion: since }, signal)) {
          assert.fail(`${batch.length} events`);
        }
      },
      { code: 410 },
    );
  },
);

/** The types of a watch's events, and its last line. */
function linesOf(stream: ClientHttp2Stream): { readonly types: string[]; last: string } {
  const seen = { types: [] as string[], last: "" };
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      seen.types.push(/^\{"type":"([A-Z]+)"/.exec(line)?.[1] ?? "");
      seen.last = line;
    }
  });
  return seen;
}
