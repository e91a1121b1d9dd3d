import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";

const binaries = ["/usr/bin/etcd", "/usr/local/bin/etcd"];

/** Why a test that needs etcd is skipped; undefined when etcd is there. */
export function etcdMissing(): string | undefined {
  return binaries.some((it) => existsSync(it)) ? undefined : "needs Debian's package etcd-server";
}

/** An etcd of its own on loopback, with a data directory of its own, gone after disposal. */
export class EtcdProcess implements AsyncDisposable {
  readonly endpoint: string;
  readonly #child: ChildProcess;
  readonly #directory: string;

  private constructor(endpoint: string, child: ChildProcess, directory: string) {
    this.endpoint = endpoint;
    this.#child = child;
    this.#directory = directory;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  static async start(): Promise<EtcdProcess> {
    const binary = binaries.find((it) => existsSync(it));
    if (binary === undefined) throw new Error("etcd is not installed");
    const directory = mkdtempSync(join(tmpdir(), "gantry-etcd-"));
    const [client, peer] = [await freePort(), await freePort()];
    const url = `http://127.0.0.1:${client}`;
    const peerUrl = `http://127.0.0.1:${peer}`;
    const args = [
      "--data-dir",
      directory,
      "--listen-client-urls",
      url,
      "--advertise-client-urls",
      url,
    ];
    args.push("--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl);
    args.push("--initial-cluster", `default=${peerUrl}`);
    const child = spawn(binary, args, { stdio: ["ignore", "ignore", "pipe"] });
    await new Promise<void>((resolve, reject) => {
      let said = "";
      child.stderr.setEncoding("utf8");
      child.stderr.on("data", (chunk: string) => {
        said = (said + chunk).slice(-20_000);
        if (said.includes("ready to serve client requests") || said.includes("serving client"))
          resolve();
        if (said.includes("serving insecure client requests")) resolve();
      });
      child.once("exit", () => {
        reject(new Error(`etcd ended before it served: ${said}`));
      });
    });
    return new EtcdProcess(url, child, directory);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    if (this.#child.exitCode === null) {
      this.#child.kill("SIGKILL");
      await ended;
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** A port that was free a moment ago; etcd cannot be told to choose one itself. */
