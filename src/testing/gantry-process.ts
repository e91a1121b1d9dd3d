import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const kubectlFolders = ["/usr/bin", "/usr/local/bin", "/usr/lib/google-cloud-sdk/bin"];
const commandTimeoutMs = 120_000;
const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const outputBytesMax = 64 * 1024 * 1024;

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Why tests of the whole system are skipped; undefined when they can run. */
export function systemMissing(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root";
  const needed = ["/usr/bin/containerd", "/usr/sbin/runc", "/usr/sbin/nft"];
  const missing = needed.find((it) => !existsSync(it));
  if (missing !== undefined) return `needs ${missing}`;
  return kubectls().length === 0 ? "needs kubectl" : undefined;
}

/** Every kubectl of the machine, the plain one first. */
export function kubectls(): string[] {
  const found = kubectlFolders.flatMap((folder) =>
    existsSync(folder)
      ? readdirSync(folder)
          .filter((it) => /^kubectl(\.1\.\d+)?$/.test(it))
          .map((it) => join(folder, it))
      : [],
  );
  return found.toSorted((a, b) => Number(a.includes(".1.")) - Number(b.includes(".1.")));
}

export function run(
  command: string,
  args: readonly string[],
  options: { readonly input?: string | Buffer; readonly env?: Record<string, string> } = {},
): CommandResult {
  const result = spawnSync(command, args, {
    input: options.input ?? "",
    timeout: commandTimeoutMs,
    maxBuffer: outputBytesMax,
    env: { PATH: systemPath, ...options.env },
  });
  return {
    code: result.status ?? 128,
    stdout: result.stdout.toString("utf8"),
    stderr: result.stderr.toString("utf8"),
  };
}

/** The output of a command that succeeded. */
export function ok(result: CommandResult): string {
  assert.equal(result.code, 0, `${result.stderr}${result.stdout}`);
  return result.stdout;
}

/** The program as it is bundled for users, on a data directory of its own. */
export class GantryProcess implements Disposable {
  readonly directory = mkdtempSync(`/tmp/gantry-it-${process.pid}-`);
  readonly port: number;

  constructor(port: number) {
    this.port = port;
  }

  get kubeconfig(): string {
    return join(this.directory, "data", "kubeconfig");
  }

  gantry(...args: readonly string[]): CommandResult {
    return this.program([...args, "--data-dir", join(this.directory, "data")]);
  }

  /** The program with just these arguments. */
  program(args: readonly string[], input = ""): CommandResult {
    const path = join(root, "dist", "gantry.js");
    return run(process.execPath, [path, ...args], { input, env: { HOME: this.directory } });
  }

  /** Without workflows unless they are asked for by their port. */
  up(...args: readonly string[]): CommandResult {
    const workflows = args.includes("--workflows-port") ? [] : ["--no-workflows"];
    return this.gantry("up", "--port", String(this.port), ...workflows, ...args);
  }

  /** kubectl against it; its home keeps caches apart from the user's. */
  kubectl(
    args: readonly string[],
    input: string | Buffer = "",
    program = kubectls()[0],
  ): CommandResult {
    const env = { KUBECONFIG: this.kubeconfig, HOME: this.directory };
    return run(program ?? "kubectl", args, { input, env });
  }

  /** @throws {Error} with what `gantry reset` said, when it left something. */
  [Symbol.dispose](): void {
    const { code, stderr } = this.gantry("reset");
    if (code !== 0) throw new Error(`gantry reset: ${stderr}`);
    rmSync(this.directory, { recursive: true, force: true });
  }
}
