import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { systemClock } from "#base/clock.ts";
import { Client } from "#client/client.ts";
import { readKubeconfig } from "#client/kubeconfig.ts";
import { TlsTransport } from "#client/tls-transport.ts";

const root = join(import.meta.dirname, "..", "..");

/** The program as it is bundled for users; {@link bundled} makes sure that it is there. */
export const bundle = join(root, "dist", "gantry.js");

/** Runs `./gantry` to its end. @throws {Error} with all that it said, when it failed. */
export async function runGantry(
  args: readonly string[],
  onLine: (line: string) => void = () => undefined,
): Promise<void> {
  const child = spawn(join(root, "gantry"), args, { stdio: ["ignore", "ignore", "pipe"] });
  const lines: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    lines.push(line);
    onLine(line);
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`gantry ${args[0] ?? ""} failed:\n${lines.join("\n")}`);
}

/** Bundles the sources, if they changed. */
export async function bundled(): Promise<void> {
  await runGantry(["kubeconfig"]);
}

/** The administrator whose kubeconfig is in the data directory. Dispose it to close its connections. */
export class Admin implements AsyncDisposable {
  readonly client: Client;
  readonly #transport: TlsTransport;

  private constructor(transport: TlsTransport) {
    this.client = new Client(transport);
    this.#transport = transport;
  }

  static async of(directory: string): Promise<Admin> {
    const connection = await readKubeconfig(join(directory, "kubeconfig"), systemClock);
    return new Admin(new TlsTransport({ ...connection, clock: systemClock, userAgent: "bench" }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport[Symbol.asyncDispose]();
  }
}
