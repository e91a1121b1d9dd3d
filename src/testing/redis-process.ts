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
  readonly #settings: readonly string[];
  #server: ChildProcess | undefined;

  private constructor(port: number, settings: readonly string[]) {
    this.port = port;
    this.#settings = settings;
    this.#folder = mkdtempSync(join(tmpdir(), "gantry-redis-"));
  }

  static get isThere(): boolean {
    return existsSync(program);
  }

  /** @param settings such as `--requirepass`, `word`. @throws {Error} when it does not come up. */
  static async start(settings: readonly string[] = []): Promise<RedisProcess> {
    const made = new RedisProcess(await freePort(), settings);
    await made.again();
    return made;
  }

  get address(): string {
    return `redis://127.0.0.1:${this.port}/0`;
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
    const memory = ["--save", "", "--appendonly", "no"];
    this.#server = spawn(program, [...where, ...memory, ...this.#settings], { stdio: "ignore" });
    await this.client((redis) => redis.echo("serving").catch(isRefusal));
  }

  /** Everything that it holds is gone. */
  async flush(): Promise<void> {
    await this.client((redis) => redis.flushall());
  }

  async client<T>(act: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis(this.port, "127.0.0.1", { retryStrategy: () => 50 });
    redis.on("error", () => undefined);
    try {
      return await act(redis);
    } finally {
      redis.disconnect();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** One that asks for a password serves. */
function isRefusal(error: unknown): string {
  if (error instanceof Error && error.message.startsWith("NOAUTH")) return error.message;
  throw error;
}
