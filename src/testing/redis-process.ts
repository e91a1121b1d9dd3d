import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { freePort } from "./free-port.ts";

const program = "/usr/bin/redis-server";

/** Redis of Debian's packages on loopback, with a data directory of its own. */
export class RedisProcess implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #password: string | undefined;
  #server: ChildProcess | undefined;

  private constructor(port: number, password: string | undefined) {
    this.port = port;
    this.#password = password;
    this.#folder = mkdtempSync(join(tmpdir(), "gantry-redis-"));
  }

  static get isThere(): boolean {
    return existsSync(program);
  }

  /** @param password that it asks for; none when undefined. */
  static async start(password?: string): Promise<RedisProcess> {
    const made = new RedisProcess(await freePort(), password);
    await made.again();
    return made;
  }

  /** With its password. */
  get address(): string {
    const user = this.#password === undefined ? "" : `:${this.#password}@`;
    return `redis://${user}127.0.0.1:${this.port}/0`;
  }

  /** Kills it, with what it has not saved. */
  async kill(): Promise<void> {
    if (this.#server === undefined) return;
    const ended = once(this.#server, "exit");
    this.#server.kill("SIGKILL");
    await ended;
    this.#server = undefined;
  }

  /** Starts it, at the same port. */
  async again(): Promise<void> {
    const where = ["--bind", "127.0.0.1", "--port", String(this.port), "--dir", this.#folder];
    const secret = this.#password === undefined ? [] : ["--requirepass", this.#password];
    const memory = ["--save", "", "--appendonly", "no"];
    this.#server = spawn(program, [...where, ...memory, ...secret], { stdio: "ignore" });
    await this.#client((redis) => redis.echo("serving"));
  }

  /** Everything that it holds is gone. */
  async flush(): Promise<void> {
    await this.#client((redis) => redis.flushall());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #client(act: (redis: Redis) => Promise<unknown>): Promise<void> {
    const redis = new Redis(this.address, { retryStrategy: () => 50 });
    redis.on("error", () => undefined);
    try {
      await act(redis);
    } finally {
      redis.disconnect();
    }
  }
}
