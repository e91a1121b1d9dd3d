import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { format } from "prettier";
import {
  parseRegistryReport,
  renderRegistryDocument,
  type RegistryResult,
} from "./conformance/registry-report.ts";
import { go } from "./conformance/upstream.ts";

/*
 * `npm run conformance:registry`: builds the conformance suite of the OCI distribution specification,
 * runs it against a registry of the bundle, and writes docs/registry-conformance.md. Needs Go with its
 * module proxy, git, and `npm run bundle` before. Fails when a test does.
 */

const usage = `npm run conformance:registry -- [options]
  --suite <repository>  the specification's, or a copy of it; that on GitHub if unset
  --commit <commit>     of it
  --cache <path>        what was built; ~/.cache/gantry-conformance
`;
const root = resolve(import.meta.dirname, "..");
const document = join(root, "docs", "registry-conformance.md");
const program = join(root, "dist", "gantry.js");
const versions = ["1.1", "dev"];
const suiteMs = 600_000;

const { values } = parseArgs({
  options: {
    suite: { type: "string", default: "https://github.com/opencontainers/distribution-spec" },
    commit: { type: "string", default: "967efdc079b91785ad18c77cc4f8991a47feefbf" },
    cache: { type: "string", default: join(homedir(), ".cache", "gantry-conformance") },
    help: { type: "boolean", default: false },
  },
});

if (values.help) console.log(usage);
else await main();

async function main(): Promise<void> {
  if (!existsSync(program)) throw new Error("there is no bundle: npm run bundle");
  const suite = await build();
  const results: RegistryResult[] = [];
  for (const version of versions) {
    const result = await runSuite(suite, version);
    console.log(`${version}: ${result.tests - result.failed} of ${result.tests} pass`);
    results.push(result);
  }
  const text = renderRegistryDocument(values.commit, results);
  writeFileSync(document, await format(text, { parser: "markdown", printWidth: 100 }));
  if (results.some((it) => it.failed > 0)) process.exitCode = 1;
}

/** Resolves with the suite's program; one that was built before is taken. */
async function build(): Promise<string> {
  const directory = join(values.cache, `distribution-${values.commit}`);
  const binary = join(directory, "conformance");
  if (existsSync(binary)) return binary;
  const sources = join(directory, "sources");
  rmSync(sources, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  git("clone", "--quiet", values.suite, sources);
  git("-C", sources, "checkout", "--quiet", "--detach", values.commit);
  await go(["build", "-C", join(sources, "conformance"), "-o", `${binary}.new`, "."]);
  renameSync(`${binary}.new`, binary);
  return binary;
}

function git(...args: readonly string[]): void {
  const done = spawnSync("git", args, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`git ${args.join(" ")} failed: ${done.stderr}`);
}

async function runSuite(suite: string, version: string): Promise<RegistryResult> {
  const directory = mkdtempSync(join(tmpdir(), "gantry-conformance-"));
  const listen = ["--listen", "127.0.0.1:0", "--storage", join(directory, "storage")];
  const args = [program, "registry", "serve", "--auth", "none", ...listen];
  const registry = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  try {
    const address = await addressOf(registry.stderr);
    const env = {
      ...process.env,
      OCI_REGISTRY: address,
      OCI_TLS: "disabled",
      OCI_VERSION: version,
      OCI_RESULTS_DIR: directory,
    };
    // Failures are counted in its report; its exit code says no more.
    const child = spawn(suite, { cwd: directory, env, stdio: "ignore", timeout: suiteMs });
    await new Promise((done, failed) => child.once("error", failed).once("close", done));
    return parseRegistryReport(version, readFileSync(join(directory, "junit.xml"), "utf8"));
  } finally {
    registry.kill("SIGTERM");
    rmSync(directory, { recursive: true, force: true });
  }
}

/** `127.0.0.1:41234`, from the registry's log; all of it is read, or the registry would wait. */
async function addressOf(log: NodeJS.ReadableStream): Promise<string> {
  return await new Promise((found, failed) => {
    const lines = createInterface({ input: log });
    lines.on("line", (line) => {
      const url = /"url":"http:\/\/([^"]+)"/.exec(line)?.[1];
      if (url !== undefined) found(url);
    });
    lines.once("close", () => {
      failed(new Error("the registry did not start"));
    });
  });
}
