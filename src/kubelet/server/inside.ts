import type { FileHandle } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describeError } from "#base/log.ts";
import type { AccessExecOptions, AttachOptions, ContainerAccess } from "#cri/runtime.ts";
import { hasCode } from "#cri/procfs.ts";
import { listChanges } from "#kubelet/inside/changes.ts";
import { packPath, statPath } from "#kubelet/inside/pack.ts";
import { listContainerProcesses } from "#kubelet/inside/processes.ts";
import { openContainerRoot } from "#kubelet/inside/root.ts";
import { instancesOf } from "#kubelet/pod/containers.ts";
import { parseWantedStreams } from "./command-options.ts";
import { connectSession } from "./commands.ts";
import type { ServerContext } from "./context.ts";
import { ServerFault } from "./fault.ts";
import { isTrue } from "./logs/options.ts";
import { runningInstance } from "./pods.ts";
import type { InsideRoute, InsideVerb } from "./routes.ts";
import { unpackSession } from "./unpack-session.ts";
import type { Upgrade } from "./upgrade.ts";

/** A request about the inside of a container. Whoever makes it has rights on the whole node. */
export interface InsideRequest {
  readonly route: InsideRoute;
  readonly query: URLSearchParams;
}

const methods: Readonly<Record<InsideVerb, "GET" | "POST">> = {
  exec: "POST",
  pause: "POST",
  resume: "POST",
  unpack: "POST",
  processes: "GET",
  stat: "GET",
  pack: "GET",
  changes: "GET",
  layer: "GET",
};

/** Those for which a container may have ended. */
const verbsOfFiles: readonly InsideVerb[] = ["changes", "layer", "stat", "pack"];

interface InsideContainer {
  readonly id: string;
  readonly access: ContainerAccess;
}

/**
 * What Docker's users do inside containers and the API of Kubernetes has no words for: processes of
 * other users, freezing, copies without a program of the image. @throws {ServerFault}
 */
export async function serveInside(
  context: ServerContext,
  { route, query }: InsideRequest,
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
  signal: AbortSignal,
): Promise<void> {
  const { verb } = route;
  if (request.method !== methods[verb]) throw new ServerFault(405, "405: Method Not Allowed");
  const { id, access } = inside(context, route, verbsOfFiles.includes(verb));
  switch (verb) {
    case "exec":
      await fromRuntime(access.startDetached(id, settingsOf(query), signal));
      answer(response, {});
      return;
    case "pause":
      await fromRuntime(access.pause(id, signal));
      answer(response, {});
      return;
    case "resume":
      await fromRuntime(access.resume(id, signal));
      answer(response, {});
      return;
    case "processes": {
      const pids = await fromRuntime(access.processIds(id, signal));
      const args = query.getAll("arg");
      const words = args.length === 0 ? ["-ef"] : args;
      answer(response, await fromRuntime(listContainerProcesses(pids, words, signal)));
      return;
    }
    case "changes":
      answer(
        response,
        await fromRuntime(access.changedFiles(id, signal).then((it) => listChanges(it))),
      );
      return;
    case "layer": {
      const { layer } = await fromRuntime(access.changedFiles(id, signal));
      await stream(layer, response, signal);
      return;
    }
    case "stat":
    case "pack":
      await serveFiles(context, { id, access, verb, query }, response, signal);
      return;
    case "unpack":
      throw new ServerFault(400, "Upgrade request required");
  }
}

/** Those of them that are a conversation. @throws {ServerFault} before anything was written. */
export async function connectInside(
  context: ServerContext,
  { route, query }: InsideRequest,
  upgrade: Upgrade,
  signal: AbortSignal,
): Promise<void> {
  const { verb } = route;
  const { id, access } = inside(context, route, verb === "unpack");
  const wanted = parseWantedStreams(query);
  if (wanted === undefined) {
    throw new ServerFault(400, "you must specify at least 1 of stdin, stdout, stderr");
  }
  if (verb === "exec") {
    const options: AccessExecOptions = { ...wanted, ...settingsOf(query) };
    const start = (stop: AbortSignal): ReturnType<ContainerAccess["exec"]> =>
      access.exec(id, options, stop);
    await connectSession(context, { wanted, start }, upgrade, signal);
  } else if (verb === "unpack") {
    const options = { path: query.get("path") ?? "/", keepOwners: isTrue(query.get("owners")) };
    const start = async (stop: AbortSignal): Promise<ReturnType<typeof unpackSession>> =>
      unpackSession(await rootOf(context, { id, access }, stop), options);
    await connectSession(context, { wanted, start }, upgrade, signal);
  } else {
    throw new ServerFault(400, "this path cannot be upgraded");
  }
}

function inside(
  { pods, runtime }: ServerContext,
  { namespace, pod, uid, container }: InsideRoute,
  mayHaveEnded: boolean,
): InsideContainer {
  const served = pods.find(namespace, pod, uid);
  if (served === undefined) throw new ServerFault(404, "pod does not exist");
  const newest = mayHaveEnded
    ? instancesOf(served.observed.containers, container).at(-1)?.id
    : undefined;
  const id = runningInstance(served, container) ?? newest;
  if (id === undefined) throw new ServerFault(409, `container "${container}" is not running`);
  const { access } = runtime;
  if (access === undefined) throw new ServerFault(501, "containers of this node are simulated");
  return { id, access };
}

function settingsOf(query: URLSearchParams): Omit<AccessExecOptions, keyof AttachOptions> {
  const command = query.getAll("command");
  if (command.length === 0) throw new ServerFault(400, "a command is required");
  return {
    command,
    user: query.get("user") ?? undefined,
    workdir: query.get("workdir") ?? undefined,
    env: query.getAll("env"),
    privileged: isTrue(query.get("privileged")),
  };
}

async function rootOf(
  { runtime }: ServerContext,
  { id, access }: InsideContainer,
  signal: AbortSignal,
): Promise<FileHandle> {
  const root = await openContainerRoot(runtime, id, signal);
  return root ?? (await fromRuntime(access.openStoppedFiles(id, signal)));
}

async function serveFiles(
  context: ServerContext,
  {
    verb,
    query,
    ...container
  }: InsideContainer & { readonly verb: "stat" | "pack"; readonly query: URLSearchParams },
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  await using root = await rootOf(context, container, signal);
  const path = query.get("path") ?? "/";
  const options = {
    followLast: isTrue(query.get("follow")),
    ownOnly: isTrue(query.get("own")),
  };
  try {
    const facts = await statPath(root, path, options);
    if (verb === "stat") answer(response, facts);
    else await stream(packPath(root, path, options, signal), response, signal);
  } catch (error) {
    if (!hasCode(error, "ENOENT") && !hasCode(error, "ENOTDIR")) throw error;
    if (verb === "stat") {
      answer(response, { kind: "none" });
      return;
    }
    throw new ServerFault(404, `Could not find the file ${path} in the container`);
  }
}

/** What went wrong is the caller's to know, and no fault of the server. */
async function fromRuntime<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new ServerFault(409, describeError(error), { cause: error });
  }
}

async function stream(
  chunks: AsyncIterable<Uint8Array>,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(200, { "content-type": "application/x-tar" });
  await pipeline(Readable.from(chunks, { objectMode: false }), response, { signal });
}

function answer(response: ServerResponse, body: object): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
