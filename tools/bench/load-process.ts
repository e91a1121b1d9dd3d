import { once } from "node:events";
import { readFileSync } from "node:fs";
import http2 from "node:http2";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import type { JsonObject } from "#api/object.ts";
import type { Load } from "./load.ts";
import { quantile } from "./report.ts";
import { podName, postedPod } from "./sample-pod.ts";

/*
 * A client of `server-process.ts`: connects with its certificate, says "ready", waits for SIGUSR2,
 * and prints one line of JSON. Arguments: folder of the certificates, port, the load as JSON.
 */

const [folder = "", port = "", json = ""] = process.argv.slice(2);
const load = JSON.parse(json) as Load;
const credentials = {
  ca: readFileSync(`${folder}/ca.crt`),
  cert: readFileSync(`${folder}/client.crt`),
  key: readFileSync(`${folder}/client.key`),
};
const podsPath = "/api/v1/namespaces/default/pods";

async function connect(): Promise<http2.ClientHttp2Session> {
  const session = http2.connect(`https://127.0.0.1:${port}`, {
    ...credentials,
    settings: { initialWindowSize: 4 * 1024 * 1024 }, // As client-go has it.
    maxSessionMemory: 1_000,
  });
  session.setMaxListeners(0);
  await once(session, "connect");
  session.setLocalWindowSize(256 * 1024 * 1024);
  return session;
}

interface Answer {
  readonly ms: number;
  readonly firstByteMs: number;
  readonly bytes: number;
  readonly status: number;
}

function send(session: http2.ClientHttp2Session, path: string, body?: string): Promise<Answer> {
  const since = performance.now();
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ":path": path,
      ":method": body === undefined ? "GET" : "POST",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    });
    let bytes = 0;
    let status = 0;
    let firstByteMs = 0;
    stream.on("response", (headers) => {
      status = headers[":status"] ?? 0;
    });
    stream.on("data", (chunk: Buffer) => {
      if (bytes === 0) firstByteMs = performance.now() - since;
      bytes += chunk.length;
    });
    stream.on("end", () => {
      resolve({ ms: performance.now() - since, firstByteMs, bytes, status });
    });
    stream.on("error", reject);
    stream.end(body);
  });
}

async function flood(
  session: http2.ClientHttp2Session,
  { count, inFlight }: { readonly count: number; readonly inFlight: number },
  make: (i: number) => { readonly path: string; readonly body?: JsonObject },
): Promise<Record<string, number>> {
  const times: number[] = [];
  let next = 0;
  let failed = 0;
  const since = performance.now();
  async function worker(): Promise<void> {
    while (next < count) {
      const { path, body } = make(next++);
      const { ms, status } = await send(session, path, body && JSON.stringify(body));
      times.push(ms);
      if (status >= 300) failed++;
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker));
  const elapsedMs = performance.now() - since;
  times.sort((a, b) => a - b);
  return {
    perSecond: (count / elapsedMs) * 1_000,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    failed,
  };
}

function postPod(i: number): { readonly path: string; readonly body: JsonObject } {
  return { path: podsPath, body: postedPod(`load-${process.pid}-${i}`, i) };
}

async function list(session: http2.ClientHttp2Session, path: string, count: number) {
  const answers: Answer[] = [];
  for (let i = 0; count === 0 || i < count; i++) {
    const answer = await send(session, path);
    if (answer.status !== 200) throw new Error(`LIST answered ${answer.status}`);
    if (count > 0) answers.push(answer);
  }
  const times = answers.map((it) => it.ms).sort((a, b) => a - b);
  const first = answers.map((it) => it.firstByteMs).sort((a, b) => a - b);
  const bytes = answers[0]?.bytes ?? 0;
  return { p50: quantile(times, 0.5), firstByte: quantile(first, 0.5), bytes };
}

/** Ends when every pod that this process creates was seen with a node. */
async function createUntilBound(
  session: http2.ClientHttp2Session,
  load_: { readonly count: number; readonly inFlight: number },
): Promise<Record<string, number>> {
  const watcher = await connect();
  const stream = watcher.request({ ":path": `${podsPath}?watch=true` });
  const bound = new Set<string>();
  const done = Promise.withResolvers<undefined>();
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const name = /"name":"(load-[^"]+)"/.exec(line)?.[1];
      if (name !== undefined && line.includes('"nodeName":"')) bound.add(name);
    }
    if (bound.size >= load_.count) done.resolve(undefined);
  });
  const since = performance.now();
  const created = await flood(session, load_, postPod);
  const createdMs = performance.now() - since;
  await done.promise;
  const ms = performance.now() - since;
  watcher.destroy();
  return { ...created, createdMs, boundPerSecond: (load_.count / ms) * 1_000 };
}

type WatchLoad = Load & { readonly kind: "watch" };

async function openWatches({ watchers, revision }: WatchLoad) {
  const sessions = await Promise.all(Array.from({ length: Math.min(50, watchers) }, connect));
  const path = `${podsPath}?watch=true&resourceVersion=${revision}`;
  const streams = Array.from({ length: watchers }, (_, i) =>
    sessions[i % sessions.length]?.request({ ":path": path }),
  );
  await Promise.all(
    streams.map((it) => (it === undefined ? Promise.resolve() : once(it, "response"))),
  );
  return streams;
}

type Streams = Awaited<ReturnType<typeof openWatches>>;

/** Counts the events of all watches; the writer's clock is in each, and it is ours. */
async function watch(streams: Streams, load_: WatchLoad): Promise<Record<string, number>> {
  const lags: number[] = [];
  let events = 0;
  let ended = 0;
  let last = 0;
  const all = Promise.withResolvers<undefined>();
  for (const stream of streams) {
    stream?.on("close", () => ended++);
    stream?.on("data", (chunk: Buffer) => {
      let at = chunk.indexOf('{"type":"MODIFIED');
      for (; at >= 0; at = chunk.indexOf('{"type":"MODIFIED', at + 1)) events++;
      const mark = chunk.lastIndexOf('"sent":"');
      if (mark >= 0 && mark + 21 <= chunk.length) {
        lags.push(Date.now() - Number(chunk.toString("latin1", mark + 8, mark + 21)));
      }
      last = performance.now();
      if (events >= load_.events * load_.watchers) all.resolve(undefined);
    });
  }
  const since = performance.now();
  await Promise.race([all.promise, delay(load_.seconds * 1_000)]);
  lags.sort((a, b) => a - b);
  return {
    events,
    ended,
    perSecond: (events / (last - since)) * 1_000,
    lagP50: quantile(lags, 0.5),
    lagP99: quantile(lags, 0.99),
  };
}

async function run(
  session: http2.ClientHttp2Session,
  load_: Exclude<Load, WatchLoad>,
): Promise<Record<string, number>> {
  if (load_.kind === "get") {
    return await flood(session, load_, (i) => ({ path: `${podsPath}/${podName(i % 500)}` }));
  }
  if (load_.kind === "createPods") return await flood(session, load_, postPod);
  if (load_.kind === "list") return await list(session, load_.path, load_.count);
  return await createUntilBound(session, load_);
}

const session = await connect();
const streams = load.kind === "watch" ? await openWatches(load) : [];
const go = once(process, "SIGUSR2");
console.log("ready");
await go;
const result = load.kind === "watch" ? await watch(streams, load) : await run(session, load);
console.log(JSON.stringify(result));
session.destroy();
for (const it of streams) it?.session?.destroy();
