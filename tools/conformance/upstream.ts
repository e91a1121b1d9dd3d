import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Sources } from "./image-set.ts";
import { canBuild, newestPatch, releasesToTry, suiteModule, targetedMinor } from "./release.ts";
import { shellProgram } from "./shell-program.ts";

/** The suite, built. */
export interface Suite extends Sources {
  /** `v1.36.4`. */
  readonly release: string;
}

/** Programs by the names of their files, each with its package; tests are built as programs too. */
const packages: Readonly<Record<string, { readonly path: string; readonly isTest?: true }>> = {
  agnhost: { path: "k8s.io/kubernetes/test/images/agnhost" },
  "busybox-shell": { path: "conformance/shell" },
  nnp: { path: "k8s.io/kubernetes/test/images/nonewprivs" },
  ginkgo: { path: "github.com/onsi/ginkgo/v2/ginkgo" },
  "e2e.test": { path: "k8s.io/kubernetes/test/e2e", isTest: true },
};

/** As the Makefile of the image has it: an older release, to show that it still works. */
const sampleServer = { module: "k8s.io/sample-apiserver", minor: "v0.33" };

/**
 * Builds the suite and the programs of its images below a folder, once for each release; what is
 * there already stays. The first build takes minutes and some gigabytes of Go's cache.
 * @param asked `v1.36.4`; undefined for the newest of the targeted releases.
 * @throws {Error} when Go is missing, its module proxy does not answer, or a build fails.
 */
export async function buildSuite(cache: string, asked: string | undefined): Promise<Suite> {
  const release = asked ?? (await chooseRelease());
  const goMod = await goModOf(release);
  const module = join(cache, release, "module");
  const programs = join(cache, release, "bin");
  mkdirSync(module, { recursive: true });
  mkdirSync(programs, { recursive: true });
  if (!existsSync(join(module, "go.mod"))) {
    writeFileSync(join(module, "go.mod"), suiteModule(release, goMod));
  }
  mkdirSync(join(module, "shell"), { recursive: true });
  writeFileSync(join(module, "shell", "main.go"), shellProgram);
  for (const [name, { path, isTest }] of Object.entries(packages)) {
    await build(
      module,
      join(programs, name),
      isTest === true ? ["test", "-c", "-vet=off"] : ["build"],
      path,
    );
  }
  await buildSampleServer(programs);
  const found = await download(`k8s.io/kubernetes@${release}`);
  return { release, programs, kubernetes: found.Dir };
}

async function goModOf(release: string): Promise<string> {
  return readFileSync((await download(`k8s.io/kubernetes@${release}`)).GoMod, "utf8");
}

async function chooseRelease(): Promise<string> {
  const goVersion = (await go(["env", "GOVERSION"])).trim();
  for (const release of releasesToTry(await versionsOf("k8s.io/kubernetes"), targetedMinor)) {
    if (canBuild(goVersion, await goModOf(release))) return release;
  }
  throw new Error(`${goVersion} builds no release of k8s.io/kubernetes up to ${targetedMinor}`);
}

/** The versions that the module proxy offers. */
async function versionsOf(module: string): Promise<readonly string[]> {
  const list = await go(["list", "-m", "-versions", module]);
  return list.trim().split(/\s+/).slice(1);
}

interface Downloaded {
  readonly Dir: string;
  readonly GoMod: string;
}

async function download(module: string): Promise<Downloaded> {
  return JSON.parse(await go(["mod", "download", "-json", module])) as Downloaded;
}

/** Its module names all the versions it needs, so it is built where it is. */
async function buildSampleServer(programs: string): Promise<void> {
  const binary = join(programs, "sample-apiserver");
  if (existsSync(binary)) return;
  const { module, minor } = sampleServer;
  const version = newestPatch(await versionsOf(module), minor);
  if (version === undefined) throw new Error(`there is no ${minor} of ${module}`);
  console.log(`building ${module}@${version}`);
  const source = await download(`${module}@${version}`);
  await go(["build", "-C", source.Dir, "-mod=readonly", ...flags, "-o", `${binary}.new`, "."]);
  renameSync(`${binary}.new`, binary);
}

const flags: readonly string[] = ["-trimpath", "-ldflags=-s -w"];

async function build(
  module: string,
  binary: string,
  command: readonly string[],
  path: string,
): Promise<void> {
  if (existsSync(binary)) return;
  console.log(`building ${path}`);
  const [verb = "", ...rest] = command;
  await go([verb, "-C", module, ...rest, "-mod=mod", ...flags, "-o", `${binary}.new`, path]);
  renameSync(`${binary}.new`, binary);
}

/** What Go prints. The builds leave the machine to others who want it. */
export async function go(args: readonly string[]): Promise<string> {
  const child = spawn("nice", ["go", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    cwd: "/",
    env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "" },
  });
  const [out, error]: [string[], string[]] = [[], []];
  child.stdout.setEncoding("utf8").on("data", (text: string) => out.push(text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => error.push(text));
  const code = await new Promise((resolve, reject) => {
    child.once("error", () => {
      reject(
        new Error("Go is needed to build the suite: https://go.dev/dl, or apt-get install golang"),
      );
    });
    child.once("close", resolve);
  });
  if (code === 0) return out.join("");
  // With -json, what went wrong is in the output.
  const said = [...out, ...error].join("").trim().split("\n").slice(-20).join("\n");
  throw new Error(`go ${args.join(" ")} failed:\n${said}`);
}
