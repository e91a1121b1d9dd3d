import { readFileSync } from "node:fs";
import http2 from "node:http2";
import { performance } from "node:perf_hooks";

/*
 * The load generator of `apiserver.ts`, in a process of its own. Arguments: port, folder of the
 * certificates, name of the scenario, its parameters as JSON. Prints one line of JSON.
 */

interface Parameters {
  readonly count?: number;
  readonly inFlight?: number;
  readonly sessions?: number;
  readonly seconds?: number;
  readonly paths?: readonly string[];
  readonly bodies?: string;
}

const [port = "", folder = "", scenario = "", json = "{}"] = process.argv.slice(2);
const parameters = JSON.parse(json) as Parameters;
const ca = readFileSync(`${folder}/ca.crt`);
const cert = readFileSync(`${folder}/admin.crt`);
const key = readFileSync(`${folder}/admin.key`);

function connect(): http2.ClientHttp2Session {
  const session = http2.connect(`https://127.0.0.1:${port}`, {
    ca,
    cert,
    key,
    settings: { initialWindowSize: 16 * 1024 * 1024 },
    maxSessionMemory: 1_000,
  });
  session.setMaxListeners(0);
  session.on("connect", () => {
    session.setLocalWindowSize(256 * 1024 * 1024);
  });
  return session;
}

/** One request; resolves with the milliseconds it took and the bytes of its body. */
function send(
  session: http2.ClientHttp2Session,
  path: string,
  body?: string,
): Promise<{ readonly ms: number; readonly bytes: number; readonly status: number }> {
  const since = performance.now();
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ":path": path,
      ":method": body === undefined ? "GET" : "POST",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    });
    let bytes = 0;
    let status = 0;
    stream.on("response", (headers) => {
      status = headers[":status"] ?? 0;
    });
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    stream.on("end", () => {
      resolve({ ms: performance.now() - since, bytes, status });
    });
    stream.on("error", reject);
    stream.end(body);
  });
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
}

/** Sends `count` requests, so many at a time; prints rate and latencies. */
async function flood(make: (i: number) => { path: string; body?: string }): Promise<object> {
  const { count = 1_000, inFlight = 64, sessions = 1 } = parameters;
  const opened = Array.from({ length: sessions }, connect);
  const times: number[] = [];
  let next = 0;
  let failed = 0;
  const since = performance.now();
  async function worker(session: http2.ClientHttp2Session): Promise<void> {
    while (next < count) {
      const { path, body } = make(next++);
      const { ms, status } = await send(session, path, body);
      times.push(ms);
      if (status >= 300) failed++;
    }
  }
  const workers = Array.from({ length: inFlight }, (_, i) => {
    const session = opened[i % sessions];
    return session === undefined ? Promise.resolve() : worker(session);
  });
  await Promise.all(workers);
  const elapsedMs = performance.now() - since;
  for (const session of opened) session.close();
  times.sort((a, b) => a - b);
  return {
    perSecond: Math.round((count / elapsedMs) * 1_000),
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    max: times.at(-1),
    failed,
  };
}

async function createPods(): Promise<object> {
  const template = JSON.parse(readFileSync(parameters.bodies ?? "", "utf8")) as {
    metadata: { name: string; labels: Record<string, string> };
  };
  const prefix = `p${process.pid}`;
  return await flood((i) => {
    template.metadata.name = `${prefix}-${i}`;
    return { path: "/api/v1/namespaces/default/pods", body: JSON.stringify(template) };
  });
}

async function get(): Promise<object> {
  const paths = parameters.paths ?? [];
  return await flood((i) => ({ path: paths[i % paths.length] ?? "/" }));
}

/** Lists again and again; prints median time and bytes. */
async function list(): Promise<object> {
  const session = connect();
  const { count = 5, paths = [] } = parameters;
  const times: number[] = [];
  let bytes = 0;
  for (let i = 0; i < count; i++) {
    const answer = await send(session, paths[0] ?? "/");
    times.push(answer.ms);
    ({ bytes } = answer);
  }
  session.close();
  times.sort((a, b) => a - b);
  return { p50: quantile(times, 0.5), min: times[0], bytes };
}

/** Lists until killed. */
async function listForever(): Promise<object> {
  const session = connect();
  const { paths = [] } = parameters;
  console.log("ready");
  for (;;) await send(session, paths[0] ?? "/");
}

/** Opens `count` watches, prints "ready", and after `seconds` how many events came and how late. */
async function watch(): Promise<object> {
  const { count = 100, sessions = 10, seconds = 5, paths = [] } = parameters;
  const opened = Array.from({ length: sessions }, connect);
  const lags: number[] = [];
  let events = 0;
  let ended = 0;
  const watches = Array.from({ length: count }, (_, i) => {
    const session = opened[i % sessions];
    const stream = session?.request({ ":path": paths[0] ?? "/" });
    return new Promise<void>((resolve) => {
      stream?.on("response", () => {
        resolve();
      });
      stream?.on("close", () => {
        ended++;
      });
      stream?.on("data", (chunk: Buffer) => {
        let at = chunk.indexOf('{"type":"MODIFIED');
        while (at >= 0) {
          events++;
          at = chunk.indexOf('{"type":"MODIFIED', at + 1);
        }
        // The writer's clock, in an annotation: one machine, one clock.
        const mark = chunk.lastIndexOf('"sent":"');
        if (mark >= 0 && events % 16 === 0) {
          lags.push(Date.now() - Number(chunk.toString("latin1", mark + 8, mark + 21)));
        }
      });
    });
  });
  await Promise.all(watches);
  console.log("ready");
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  lags.sort((a, b) => a - b);
  const result = { events, ended, p50: quantile(lags, 0.5), p99: quantile(lags, 0.99) };
  for (const session of opened) session.destroy();
  return result;
}

const scenarios: Record<string, () => Promise<object>> = {
  createPods,
  get,
  list,
  listForever,
  watch,
};
const run = scenarios[scenario];
if (run === undefined) throw new Error(`unknown scenario '${scenario}'`);
console.log(JSON.stringify(await run()));
