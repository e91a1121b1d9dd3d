import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { childString, isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { describeError } from "#base/log.ts";
import { SkipError } from "#dag/authoring/context.ts";
import { exitCodes } from "#workflows/operators/kubernetes/settings.ts";
import {
  optionalText,
  requiredText,
  type OperatorCall,
  type OperatorResult,
} from "#workflows/operators/operator.ts";
import { containerBody, type TemporaryMount } from "./container.ts";
import { EngineError } from "./engine.ts";
import { readOutput } from "./output.ts";
import type { DockerPlace } from "./place.ts";
import { retrieveOutput } from "./retrieve-output.ts";
import { stopContainer, containerLabels } from "./task-containers.ts";

/** Most characters of output that are handed on. */
const handedOnMax = 1024 * 1024;
const defaultTemporaryFolder = "/tmp/airflow";

/** Runs a container at a Docker host to its end. */
export async function runContainer(
  call: OperatorCall,
  place: DockerPlace,
): Promise<OperatorResult> {
  const run = new ContainerRun(call, place);
  if (call.input["mountTmpDir"] === false) return await run.run(undefined);
  const parent = optionalText(call, "hostTmpDir") ?? tmpdir();
  const source = await mkdtemp(join(parent, "airflowtmp"));
  try {
    const target = optionalText(call, "tmpDir") ?? defaultTemporaryFolder;
    return await run.run({ source, target });
  } catch (error) {
    // As Airflow: the Docker host has another file system.
    if (!(error instanceof EngineError) || !error.message.includes(source)) throw error;
    call.log.line("WARNING", `no temporary folder in the container: ${error.message}`);
    return await run.run(undefined);
  } finally {
    await rm(source, { recursive: true, force: true });
  }
}

/** The last line, or all. */
export function handedOn({ input }: OperatorCall, lines: readonly string[]): Json {
  if (input["xcomAll"] === true) return [...lines];
  return lines.findLast((it) => it.trim() !== "") ?? "";
}

class ContainerRun {
  readonly #call: OperatorCall;
  readonly #place: DockerPlace;
  readonly #lines: string[] = [];
  #size = 0;
  #open = "";

  constructor(call: OperatorCall, place: DockerPlace) {
    this.#call = call;
    this.#place = place;
  }

  async run(temporary: TemporaryMount | undefined): Promise<OperatorResult> {
    const { log, context, input } = this.#call;
    const { engine } = this.#place;
    await this.#provideImage();
    const id = await this.#create(temporary);
    log.line("INFO", `container ${id.slice(0, 12)}`);
    let code: number | undefined;
    let value: Json | undefined;
    try {
      await engine.json({ method: "POST", path: `/containers/${id}/start` }, context.signal);
      await this.#copyOutput(id);
      const wait = { method: "POST", path: `/containers/${id}/wait`, isLong: true } as const;
      const ended = await engine.json(wait, context.signal);
      code = Number(ended?.["StatusCode"] ?? 0);
      if (code === 0 && input["retrieveOutput"] === true) {
        value = await retrieveOutput(this.#call, engine, id);
      }
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
    return { value: value ?? handedOn(this.#call, this.#lines) };
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

  async #create(temporary: TemporaryMount | undefined): Promise<string> {
    const name = optionalText(this.#call, "containerName");
    const query = name === undefined ? "" : `?name=${encodeURIComponent(name)}`;
    const labels = containerLabels(this.#call.job);
    const body: JsonObject = containerBody(this.#call.input, labels, temporary);
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
    const { log } = this.#call;
    await this.#tolerant(() => stopContainer(this.#place.engine, id, AbortSignal.timeout(stopMs)));
    log.line("INFO", `container ${id.slice(0, 12)} is stopped`);
  }

  async #remove(id: string, succeeded: boolean): Promise<void> {
    const when = this.#call.input["autoRemove"] ?? "never";
    if (when !== "force" && !(when === "success" && succeeded)) return;
    const request = { method: "DELETE", path: `/containers/${id}?force=1` } as const;
    await this.#tolerant(() => this.#place.engine.json(request, AbortSignal.timeout(removeMs)));
  }

  async #tolerant(act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#call.log.line("WARNING", `the container is left behind: ${describeError(error)}`);
    }
  }
}

/** For the end of a container whose task is ended; less than the worker has for that. */
const stopMs = 2_500;
const removeMs = 10_000;

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
