import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { SkipError } from "#dag/authoring/context.ts";
import type { OperatorCall } from "#workflows/operators/operator.ts";
import { TaskLog } from "#workflows/worker/task-log.ts";
import { dockerOperator } from "./docker.ts";

/** What a Docker host that is made up for a test does. */
interface Script {
  readonly hasImage: boolean;
  /** Lines of the answer to a pull. */
  readonly pull?: string;
  readonly output: readonly (readonly [stream: 1 | 2, text: string])[];
  readonly exitCode: number;
}

interface Host extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly string[];
  readonly bodies: readonly string[];
}

function frame(stream: 1 | 2, text: string): Buffer {
  const bytes = Buffer.from(text);
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

/** The requests of the Engine API that the operator makes, on a unix socket. */
async function openHost(script: Script): Promise<Host> {
  const folder = mkdtempSync(join(tmpdir(), "gantry-docker-"));
  const path = join(folder, "docker.sock");
  const [asked, bodies]: [string[], string[]] = [[], []];
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const name = `${request.method ?? ""} ${(request.url ?? "").replace(/\?.*/, "")}`;
    asked.push(name);
    let body = "";
    for await (const chunk of request) body += String(chunk);
    if (body !== "") bodies.push(body);
    if (name.startsWith("GET /images/")) {
      response.writeHead(script.hasImage ? 200 : 404).end('{"message":"no such image"}');
    } else if (name === "POST /images/create") response.end(script.pull ?? "");
    else if (name === "POST /containers/create") response.writeHead(201).end('{"Id":"c1"}');
    else if (name.endsWith("/logs")) {
      for (const [stream, text] of script.output) response.write(frame(stream, text));
      response.end();
    } else if (name.endsWith("/wait")) response.end(`{"StatusCode":${script.exitCode}}`);
    else response.writeHead(204).end();
  }
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.destroy(error as Error);
    });
  });
  server.listen(path);
  await once(server, "listening");
  return {
    url: `unix://${path}`,
    asked,
    bodies,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function callOf(
  host: Host,
  input: OperatorCall["input"],
): { readonly call: OperatorCall; readonly lines: string[] } {
  const lines: string[] = [];
  const sink = { write: (text: string) => lines.push(text), close: () => undefined };
  const log = new TaskLog(sink, systemClock);
  const context = { signal: new AbortController().signal };
  const given = { dockerUrl: host.url, mountTmpDir: false, ...input };
  const job = { dagId: "d", runId: "r", taskId: "t", mapIndex: -1, tryNumber: 1 };
  const call = { input: given, context, log, job, environment: {} };
  return { call: call as object as OperatorCall, lines };
}

test("docker: a container runs, its output is logged, the last line handed on", async () => {
  const output = [
    [1, "one\ntw"],
    [2, "beside, with hunter2-hunter2\n"],
    [1, "o\n\n"],
  ] as const;
  await using host = await openHost({ hasImage: true, output, exitCode: 0 });
  const { call, lines } = callOf(host, {
    image: "shop:1",
    command: "run --all",
    privateEnvironment: { KEY: "hunter2-hunter2" },
    autoRemove: "success",
  });
  assert.deepEqual(await dockerOperator.execute(call), { value: "two" });
  assert.deepEqual(host.asked, [
    "GET /images/shop%3A1/json",
    "POST /containers/create",
    "POST /containers/c1/start",
    "GET /containers/c1/logs",
    "POST /containers/c1/wait",
    "DELETE /containers/c1",
  ]);
  const body = JSON.parse(host.bodies[0] ?? "") as { Cmd: string[]; Env: string[] };
  assert.deepEqual(body.Cmd, ["run", "--all"]);
  assert.deepEqual(body.Env, ["KEY=hunter2-hunter2"]);
  assert.match(lines.join(""), /one\n/);
  assert.match(lines.join(""), /beside, with \*\*\*/);
});

test("docker: an image that is not there is pulled; a pull that fails says why", async () => {
  const base = { hasImage: false, output: [[1, "a\nb\n"]] as const, exitCode: 0 };
  await using good = await openHost({ ...base, pull: '{"status":"Pulling"}\n{"status":"Done"}\n' });
  const { call } = callOf(good, { image: "x", xcomAll: true });
  assert.deepEqual(await dockerOperator.execute(call), { value: ["a", "b"] });
  assert.equal(good.asked[1], "POST /images/create");
  await using bad = await openHost({ ...base, pull: '{"error":"manifest unknown"}' });
  const failing = callOf(bad, { image: "x" }).call;
  await assert.rejects(dockerOperator.execute(failing), /x cannot be pulled: manifest unknown/);
});

test("docker: exit codes fail, or skip where that is asked for", async () => {
  await using host = await openHost({ hasImage: true, output: [[2, "no\n"]], exitCode: 3 });
  const failing = callOf(host, { image: "x", autoRemove: "success" }).call;
  await assert.rejects(dockerOperator.execute(failing), /ended with exit code 3/);
  assert.ok(!host.asked.includes("DELETE /containers/c1"), "a failed one is kept");
  const skipping = callOf(host, { image: "x", skipOnExitCode: [3], autoRemove: "force" }).call;
  await assert.rejects(dockerOperator.execute(skipping), SkipError);
  assert.ok(host.asked.includes("DELETE /containers/c1"));
});

test("docker: what cannot be reached is named", async () => {
  const host = { url: "unix:///nowhere/docker.sock" } as Host;
  const { call } = callOf(host, { image: "x" });
  await assert.rejects(dockerOperator.execute(call), /cannot reach the Docker host at unix:/);
  const other = callOf({ url: "ftp://x" } as Host, { image: "x" }).call;
  await assert.rejects(dockerOperator.execute(other), /expected unix:\/\/\/path/);
});
