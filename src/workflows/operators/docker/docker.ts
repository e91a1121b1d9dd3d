import { readFile } from "node:fs/promises";
import { childString, isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { describeError } from "#base/log.ts";
import { SkipError } from "#dag/authoring/context.ts";
import { openTaskCluster } from "#workflows/kubernetes/cluster.ts";
import { operatorPod } from "#workflows/kubernetes/operator-pod.ts";
import { runPod } from "#workflows/operators/kubernetes/run-pod.ts";
import { exitCodes, podSettings } from "#workflows/operators/kubernetes/settings.ts";
import {
  optionalText,
  requiredText,
  type Operator,
  type OperatorCall,
  type OperatorResult,
} from "#workflows/operators/operator.ts";
import { containerBody, environmentOf, words } from "./container.ts";
import { DockerEngine, EngineError } from "./engine.ts";
import { readOutput } from "./output.ts";

/** Most characters of output that are handed on. */
const handedOnMax = 1024 * 1024;

/** Runs a container to its end: at a Docker host, or as a pod where there is none. */
export const dockerOperator: Operator = {
  templated: ["image", "command", "environment", "envFile", "containerName", "dockerUrl"],
  async execute(call) {
    for (const it of Object.values(privateOf(call))) call.log.addSecret(it);
    const place = await findEngine(call);
    return place === undefined ? await runAsPod(call) : await new DockerRun(call, place).run();
  },
};

interface Place {
  readonly engine: DockerEngine;
  /** For pulls, in the form of the header. */
  readonly registryAuth: string | undefined;
}

function privateOf({ input }: OperatorCall): Readonly<Record<string, string>> {
  return environmentOf({ privateEnvironment: input["privateEnvironment"] ?? null });
}

/** Undefined when nothing names a Docker host. */
async function findEngine(call: OperatorCall): Promise<Place | undefined> {
  const { input, environment } = call;
  const id = optionalText(call, "dockerConnId");
  const connection = id === undefined ? undefined : await call.context.connections.get(id);
  const given = input["dockerUrl"];
  const [first] = Array.isArray(given) ? given : [given];
  const named = typeof first === "string" && first !== "" ? first : environment["DOCKER_HOST"];
  if (named === undefined || named === "") return undefined;
  const timeout = input["timeout"];
  const engine = new DockerEngine({
    url: named,
    apiVersion: optionalText(call, "apiVersion"),
    tls: await tlsOf(call),
    timeoutMs: (typeof timeout === "number" ? timeout : 60) * 1_000,
  });
  if (connection === undefined) return { engine, registryAuth: undefined };
  const { login: username, password, host: serveraddress } = connection;
  const auth = JSON.stringify({ username, password, serveraddress });
  return { engine, registryAuth: Buffer.from(auth).toString("base64url") };
}

async function tlsOf(
  call: OperatorCall,
): Promise<{ readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined> {
  const files = { ca: "tlsCaCert", cert: "tlsClientCert", key: "tlsClientKey" } as const;
  const read = Object.entries(files).map(async ([name, argument]) => {
    const file = optionalText(call, argument);
    return file === undefined ? [] : [[name, await readFile(file, "utf8")] as const];
  });
  const found = (await Promise.all(read)).flat();
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

/** The same container in a pod of the cluster that the task has. */
async function runAsPod(call: OperatorCall): Promise<OperatorResult> {
  const { input } = call;
  await using cluster = await openTaskCluster(call);
  const memory = input["memLimit"];
  const pod = operatorPod(
    {
      image: requiredText(call, "image"),
      ...present("name", input["containerName"]),
      ...present("cmds", words(input["entrypoint"])),
      ...present("arguments", words(input["command"])),
      envVars: { ...environmentOf(input) },
      ...present("labels", input["labels"]),
      ...present("hostname", input["hostname"]),
      imagePullPolicy: input["forcePull"] === true ? "Always" : "IfNotPresent",
      ...(memory == null ? {} : { containerResources: { limits: { memory: podSize(memory) } } }),
    },
    {},
  );
  const lines: string[] = [];
  const settings = {
    ...podSettings({}),
    skipOnExitCodes: exitCodes(input["skipOnExitCode"]),
    hear: (line: string) => lines.push(line),
  };
  const result = await runPod(call, cluster, pod, settings);
  return { ...result, value: handedOn(call, lines) };
}

function present(name: string, value: Json | string[] | undefined): Record<string, Json> {
  return value == null ? {} : { [name]: value };
}

/** `512m` of Docker is `512Mi` of Kubernetes. */
function podSize(value: Json): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.replace(/([kmg])b?$/i, (_, unit: string) => `${unit.toUpperCase()}i`);
}

/** The last line, or all. */
function handedOn({ input }: OperatorCall, lines: readonly string[]): Json {
  if (input["xcomAll"] === true) return [...lines];
  return lines.findLast((it) => it.trim() !== "") ?? "";
}

class DockerRun {
  readonly #call: OperatorCall;
  readonly #place: Place;
  readonly #lines: string[] = [];
  #size = 0;
  #open = "";

  constructor(call: OperatorCall, place: Place) {
    this.#call = call;
    this.#place = place;
  }

  async run(): Promise<OperatorResult> {
    const { log, context, input } = this.#call;
    const { engine } = this.#place;
    await this.#provideImage();
    const id = await this.#create();
    log.line("INFO", `container ${id.slice(0, 12)}`);
    let code: number | undefined;
    try {
      await engine.json({ method: "POST", path: `/containers/${id}/start` }, context.signal);
      await this.#copyOutput(id);
      const wait = { method: "POST", path: `/containers/${id}/wait`, isLong: true } as const;
      const ended = await engine.json(wait, context.signal);
      code = Number(ended?.["StatusCode"] ?? 0);
    } catch (error) {
      if (context.signal.aborted) await this.#stop(id);
      throw error;
    } finally {
      await this.#remove(id, code === 0);
    }
    if (exitCodes(input["skipOnExitCode"]).includes(code)) {
      throw new SkipError(`the container ended with exit code ${code}`);
    }
    if (code !== 0) {
      const last = this.#lines.slice(-5).join("\n");
      throw new Error(
        `the container ended with exit code ${code}${last === "" ? "" : `: ${last}`}`,
      );
    }
    return { value: handedOn(this.#call, this.#lines) };
  }

  async #provideImage(): Promise<void> {
    const { context, log, input } = this.#call;
    const { engine, registryAuth } = this.#place;
    const image = requiredText(this.#call, "image");
    const path = `/images/${encodeURIComponent(image)}/json`;
    if (input["forcePull"] !== true) {
      try {
        await engine.json({ method: "GET", path }, context.signal);
        return;
      } catch (error) {
        if (!(error instanceof EngineError) || error.status !== 404) throw error;
      }
    }
    log.line("INFO", `pulls ${image}`);
    const { name, tag } = splitImage(image);
    const query = new URLSearchParams({ fromImage: name, tag });
    const answer = await engine.open(
      {
        method: "POST",
        path: `/images/create?${query.toString()}`,
        headers: registryAuth === undefined ? {} : { "x-registry-auth": registryAuth },
      },
      context.signal,
    );
    let text = "";
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      text += chunk.toString("utf8");
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) this.#checkPull(line, image);
    }
    this.#checkPull(text, image);
  }

  #checkPull(line: string, image: string): void {
    if (line.trim() === "") return;
    const value = JSON.parse(line) as Json;
    const error = isJsonObject(value) ? childString(value, "error") : undefined;
    if (error !== undefined) throw new Error(`${image} cannot be pulled: ${error}`);
  }

  async #create(): Promise<string> {
    const name = optionalText(this.#call, "containerName");
    const query = name === undefined ? "" : `?name=${encodeURIComponent(name)}`;
    const body: JsonObject = containerBody(this.#call.input);
    const made = await this.#place.engine.json(
      { method: "POST", path: `/containers/create${query}`, body },
      this.#call.context.signal,
    );
    const id = made === null ? undefined : childString(made, "Id");
    if (id === undefined) throw new Error("the Docker host made a container without an id");
    return id;
  }

  async #copyOutput(id: string): Promise<void> {
    const path = `/containers/${id}/logs?follow=1&stdout=1&stderr=1`;
    const answer = await this.#place.engine.open(
      { method: "GET", path, isLong: true },
      this.#call.context.signal,
    );
    const hasTerminal = this.#call.input["tty"] === true;
    for await (const { stream, bytes } of readOutput(answer, hasTerminal)) {
      const text = bytes.toString("utf8");
      this.#call.log.chunk("INFO", text);
      if (stream === "stdout") this.#keep(text);
    }
    if (this.#open !== "") this.#lines.push(this.#open);
  }

  /** Lines of the output, for what is handed on; only the last ones of a long one. */
  #keep(text: string): void {
    const lines = `${this.#open}${text}`.split("\n");
    this.#open = (lines.pop() ?? "").slice(-handedOnMax);
    for (const it of lines.map((line) => line.replace(/\r$/, ""))) {
      this.#lines.push(it);
      this.#size += it.length;
    }
    while (this.#size > handedOnMax) this.#size -= this.#lines.shift()?.length ?? this.#size;
  }

  async #stop(id: string): Promise<void> {
    const request = { method: "POST", path: `/containers/${id}/stop?t=1` } as const;
    await this.#tolerant(() => this.#place.engine.json(request, AbortSignal.timeout(stopMs)));
  }

  async #remove(id: string, succeeded: boolean): Promise<void> {
    const when = this.#call.input["autoRemove"] ?? "never";
    if (when !== "force" && !(when === "success" && succeeded)) return;
    const request = { method: "DELETE", path: `/containers/${id}?force=1` } as const;
    await this.#tolerant(() => this.#place.engine.json(request, AbortSignal.timeout(stopMs)));
  }

  async #tolerant(act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#call.log.line("WARNING", `the container is left behind: ${describeError(error)}`);
    }
  }
}

const stopMs = 10_000;

/** A name without a tag means `latest`; a digest stands where a tag would. */
function splitImage(image: string): { readonly name: string; readonly tag: string } {
  const digest = image.indexOf("@");
  if (digest >= 0) return { name: image.slice(0, digest), tag: image.slice(digest + 1) };
  const colon = image.lastIndexOf(":");
  if (colon > image.lastIndexOf("/")) {
    return { name: image.slice(0, colon), tag: image.slice(colon + 1) };
  }
  return { name: image, tag: "latest" };
}
