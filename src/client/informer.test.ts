import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/gen/types.ts";
import { FakeClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { Client } from "./client.ts";
import { Informer } from "./informer.ts";
import { pods } from "./kinds.ts";
import { TransportError, type HttpRequest, type Transport } from "./transport.ts";

/** What the server does with the next request: an answer's status and lines, then it ends or stays. */
interface Answer {
  readonly status?: number;
  readonly lines: readonly unknown[];
  readonly stays?: boolean;
}

function pod(name: string, version: number): Pod {
  return { metadata: { namespace: "d", name, uid: name, resourceVersion: String(version) } };
}

function added(name: string, version: number): unknown {
  return { type: "ADDED", object: pod(name, version) };
}

function deleted(name: string, version: number): unknown {
  return { type: "DELETED", object: pod(name, version) };
}

function bookmark(version: number, ends = false): unknown {
  const annotations = ends ? { "k8s.io/initial-events-end": "true" } : {};
  return {
    type: "BOOKMARK",
    object: { metadata: { resourceVersion: String(version), annotations } },
  };
}

function page(version: number, names: string[], token = ""): unknown {
  const items = names.map((it) => pod(it, version));
  return { metadata: { resourceVersion: String(version), continue: token }, items };
}

const expired = { kind: "Status", apiVersion: "v1", code: 410, reason: "Expired" };
const invalid = { kind: "Status", apiVersion: "v1", code: 422, reason: "Invalid" };

class Script implements Transport {
  readonly requests: string[] = [];
  readonly #answers: (Answer | "refused")[];

  constructor(answers: (Answer | "refused")[]) {
    this.#answers = answers;
  }

  async send(request: HttpRequest, signal: AbortSignal): ReturnType<Transport["send"]> {
    this.requests.push(request.path.replace(/&?timeoutSeconds=\d+/, ""));
    const answer = this.#answers.shift() ?? { lines: [], stays: true };
    if (answer === "refused") throw new TransportError("connection refused");
    const { lines, stays } = answer;
    async function* body(): AsyncGenerator<Uint8Array> {
      for (const line of lines) yield Buffer.from(`${JSON.stringify(line)}\n`);
      if (stays === true) {
        await new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            reject(new Error("aborted"));
          });
        });
      }
    }
    return { status: answer.status ?? 200, headers: {}, body: body() };
  }
}

async function follow(
  answers: (Answer | "refused")[],
  until: string,
): Promise<{ changes: string[]; requests: string[]; names: string[] }> {
  const transport = new Script(answers);
  const clock = new FakeClock();
  const informer = new Informer<Pod>({
    resource: pods,
    client: new Client(transport),
    clock,
    random: seededRandom(1),
    log: silentLogger,
  });
  const changes: string[] = [];
  informer.subscribe(({ key, previous, current }) => {
    const sign = previous === undefined ? "+" : current === undefined ? "-" : "~";
    changes.push(`${sign}${key}@${(current ?? previous)?.metadata?.resourceVersion ?? ""}`);
  });
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  const reached = informer.reached(until, stop.signal);
  for (let i = 0; i < 200 && !informer.hasReached(until); i++) {
    await clock.advance(1_000);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  stop.abort(new Error(`never reached ${until}`));
  await reached;
  await running;
  const names = informer.list().map((it) => it.metadata?.name ?? "");
  return { changes, requests: transport.requests, names };
}

const initialPath =
  "/api/v1/pods?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
const watchPath = "/api/v1/pods?watch=true&allowWatchBookmarks=true&resourceVersion=";

test("Informer: initial events, then changes on the same stream", async () => {
  const lines = [added("a", 3), bookmark(5, true), added("b", 6), deleted("a", 7)];
  const got = await follow([{ lines, stays: true }], "7");
  assert.deepEqual(got.requests, [initialPath]);
  assert.deepEqual(got.changes, ["+d/a@3", "+d/b@6", "-d/a@3"]);
});

test("Informer: a server without initial events is listed page by page", async () => {
  const got = await follow(
    [
      { status: 422, lines: [invalid] },
      { lines: [page(4, ["a"], "next")] },
      { lines: [page(4, ["b"])] },
      { lines: [added("c", 9)], stays: true },
    ],
    "9",
  );
  assert.deepEqual(got.requests, [
    initialPath,
    "/api/v1/pods?limit=500",
    "/api/v1/pods?limit=500&continue=next",
    `${watchPath}4`,
  ]);
  assert.deepEqual(got.names, ["a", "b", "c"]);
});

test("Informer: a watch that ends resumes after the last bookmark", async () => {
  const got = await follow(
    [{ lines: [bookmark(5, true), bookmark(8)] }, "refused", { lines: [bookmark(9)], stays: true }],
    "9",
  );
  assert.deepEqual(got.requests, [initialPath, `${watchPath}8`, `${watchPath}8`]);
});

test("Informer: 410 starts over, and what is gone by then is reported as deleted", async () => {
  const got = await follow(
    [
      { lines: [added("a", 3), added("b", 4), bookmark(5, true)] },
      { lines: [{ type: "ERROR", object: expired }] },
      { lines: [added("b", 4), added("c", 20), bookmark(21, true)], stays: true },
    ],
    "21",
  );
  assert.deepEqual(got.requests, [initialPath, `${watchPath}5`, initialPath]);
  assert.deepEqual(got.changes, ["+d/a@3", "+d/b@4", "+d/c@20", "-d/a@3"]);
});

test("Informer: objects are frozen to the bottom", async () => {
  const transport = new Script([{ lines: [added("a", 1), bookmark(1, true)], stays: true }]);
  const stop = new AbortController();
  const informer = new Informer<Pod>({
    resource: pods,
    client: new Client(transport),
    clock: new FakeClock(),
    random: seededRandom(1),
    log: silentLogger,
  });
  const running = informer.run(stop.signal);
  await informer.synced(stop.signal);
  assert.equal(Object.isFrozen(informer.get("d/a")?.metadata), true);
  stop.abort();
  await running;
});
