import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { ProbeOptions, ProbeResult } from "../../test/integration/programs/http-probe.ts";
import { eventually } from "./eventually.ts";
import { GantryProcess, kubectls, ok, run } from "./gantry-process.ts";

const programs = resolve(import.meta.dirname, "../../test/integration/programs");

/** Where a program of a test runs. */
export type Place = "node" | "outside" | { readonly pod: string; readonly namespace?: string };

/** Addresses of the wire between the node and {@link NetworkCluster.outside}. */
export const wire = { node: "172.31.250.1", outside: "172.31.250.2" };

/** A cluster with real containers, and a host outside of it that has a wire to its node. */
export class NetworkCluster implements Disposable {
  readonly system: GantryProcess;
  /** Name of the network namespace of the host outside. */
  readonly outside = `gantry-outside-${process.pid}`;
  readonly #children: ChildProcess[] = [];

  constructor(port: number) {
    this.system = new GantryProcess(port);
    ok(this.system.up());
    ok(this.system.gantry("image", "seed"));
    const [device, peer] = [`gto${process.pid}`, `gtp${process.pid}`];
    const inside = ["netns", "exec", this.outside, "ip"];
    for (const args of [
      ["netns", "add", this.outside],
      ["link", "add", device, "type", "veth", "peer", "name", peer, "netns", this.outside],
      ["address", "add", `${wire.node}/30`, "dev", device],
      ["link", "set", device, "up"],
      [...inside, "address", "add", `${wire.outside}/30`, "dev", peer],
      [...inside, "link", "set", peer, "up"],
      [...inside, "route", "add", "default", "via", wire.node],
    ]) {
      ok(run("ip", args));
    }
  }

  kubectl(...args: readonly string[]): string {
    return ok(this.system.kubectl(args));
  }

  /** As {@link kubectl}, while the test goes on. */
  async kubectlBeside(...args: readonly string[]): Promise<void> {
    const env = { KUBECONFIG: this.system.kubeconfig, HOME: this.system.directory };
    const child = spawn(kubectls()[0] ?? "kubectl", args, { env, stdio: "ignore" });
    const [code] = (await once(child, "close")) as [number];
    assert.equal(code, 0, args.join(" "));
  }

  json(...args: readonly string[]): unknown {
    return JSON.parse(this.kubectl(...args, "-o", "json"));
  }

  apply(...manifests: readonly object[]): void {
    const list = { apiVersion: "v1", kind: "List", items: manifests };
    ok(this.system.kubectl(["apply", "-f", "-"], JSON.stringify(list)));
  }

  /** Asks by HTTP from a place; each request has a connection of its own. */
  probe(from: Place, url: string, options: Partial<ProbeOptions> = {}): ProbeResult[] {
    const full: ProbeOptions = { url, count: 1, timeoutMs: 5_000, ...options };
    return JSON.parse(this.run(from, "http-probe.ts", JSON.stringify(full))) as ProbeResult[];
  }

  /** The output of a program of `test/integration/programs`. */
  run(at: Place, program: string, argument: string): string {
    const [command = "", ...args] = this.#command(at, program, argument);
    return ok(run(command, args));
  }

  /** Starts a program of `test/integration/programs` that ends with the cluster. */
  start(at: Place, program: string, argument: string): ChildProcess {
    const [command = "", ...args] = this.#command(at, program, argument);
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#children.push(child);
    return child;
  }

  /** Path of the network namespace of a pod. */
  netns(pod: string, namespace = "default"): string {
    const { metadata } = this.json("get", "pod", pod, "-n", namespace) as {
      metadata: { uid: string };
    };
    const process = readdirSync("/proc")
      .filter((it) => /^\d+$/.test(it))
      .find((it) => cgroupOf(it).includes(metadata.uid));
    assert.ok(process !== undefined, `no process of ${pod}`);
    return `/proc/${process}/ns/net`;
  }

  [Symbol.dispose](): void {
    for (const it of this.#children) it.kill("SIGKILL");
    spawnSync("ip", ["netns", "delete", this.outside]);
    this.system[Symbol.dispose]();
  }

  #command(at: Place, program: string, argument: string): string[] {
    const node = [process.execPath, join(programs, program), argument];
    if (at === "node") return node;
    if (at === "outside") return ["ip", "netns", "exec", this.outside, ...node];
    return ["nsenter", `--net=${this.netns(at.pod, at.namespace)}`, ...node];
  }
}

function cgroupOf(process: string): string {
  try {
    return readFileSync(`/proc/${process}/cgroup`, "latin1");
  } catch {
    return ""; // It ended meanwhile.
  }
}

/** As {@link eventually}, for what kubectl and connections say: within 30 s. */
export async function until<T>(attempt: () => T | Promise<T>): Promise<T> {
  return await eventually(attempt, 30_000, 100);
}
