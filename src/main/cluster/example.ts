import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { childObject, childString, isJsonObject, type JsonObject } from "#api/object.ts";
import { parseYaml } from "#api/yaml.ts";
import { systemClock } from "#base/clock.ts";
import { openCluster } from "#cli/connection.ts";
import { secrets, services } from "#client/kinds.ts";
import { findImage } from "#images/verbs/find-image.ts";
import { addConnection, deleteConnection } from "#workflows/state/connections.ts";
import { withImages } from "#main/images/verbs.ts";
import type { Where } from "#main/command-line/options.ts";
import { pathsBelow, runDirectoryOf } from "#main/process/paths.ts";
import { workflowPlaces } from "#main/workflows/installation.ts";
import { inWorkflowSession } from "#main/workflows/session.ts";

/** An example: what is made of its folder is written in `example.yaml`. */
interface Example {
  readonly folder: string;
  readonly settings: JsonObject;
}

/** @throws {Error} naming those there are. */
function findExample(name: string): Example {
  const program = dirname(process.argv[1] ?? "");
  const all = ["..", "../.."].map((it) => resolve(program, it, "examples")).find(existsSync) ?? "";
  const folder = join(all, name);
  const file = join(folder, "example.yaml");
  if (!/^[a-z-]+$/.test(name) || !existsSync(file)) {
    const known = existsSync(all)
      ? readdirSync(all).filter((it) => existsSync(join(all, it, "example.yaml")))
      : [];
    throw new Error(`there is no example '${name}'; there are: ${known.join(", ")}`);
  }
  const [document] = parseYaml(readFileSync(file, "utf8")).documents;
  return { folder, settings: isJsonObject(document?.value) ? document.value : {} };
}

/** Makes the images of an example that are not there yet: base images, then its own. */
export async function buildExample(name: string, where: Where): Promise<void> {
  const { folder, settings } = findExample(name);
  const bases = Array.isArray(settings["bases"]) ? settings["bases"].map(String) : [];
  const images = Object.entries(childObject(settings, "images") ?? {});
  const missing = new Set(await missingImages([...bases, ...images.map(([it]) => it)], where));
  const data = ["--data-dir", where.dataDir];
  const wanted = bases.filter((it) => missing.has(it));
  await Promise.all(wanted.map((base) => runSelf(["image", "seed", base, ...data])));
  const built = images.filter(([it]) => missing.has(it));
  await Promise.all(
    built.map(([image, context]) => {
      const source = join(folder, typeof context === "string" ? context : "");
      return runSelf(["build", "-t", image, source, ...data]);
    }),
  );
}

async function missingImages(names: readonly string[], where: Where): Promise<readonly string[]> {
  return await withImages(where, async (world) => {
    const looked = names.map(async (it) => {
      const found = await findImage(world, it).catch(() => undefined);
      return found === undefined ? [it] : [];
    });
    return (await Promise.all(looked)).flat();
  });
}

/**
 * Brings an example about in the system that runs: its images, objects, connections and DAGs. What is
 * there already is brought to how the example has it.
 */
export async function startExample(name: string, where: Where): Promise<void> {
  const { folder, settings } = findExample(name);
  await buildExample(name, where);
  const { kubeconfig, data } = pathsBelow(where.dataDir, runDirectoryOf(where.dataDir));
  const manifests = childString(settings, "manifests");
  if (manifests !== undefined) {
    const at = join(folder, manifests);
    for (const file of readdirSync(at).sort()) {
      await runSelf(["apply", "-f", join(at, file), "--kubeconfig", kubeconfig]);
    }
  }
  for (const [id, it] of Object.entries(childObject(settings, "connections") ?? {})) {
    if (isJsonObject(it)) await connect(id, it, { kubeconfig, where: { dataDir: data } });
  }
  const dags = childString(settings, "dags");
  if (dags === undefined) return;
  const target = join(workflowPlaces({ dataDir: data }).dagsFolder, name);
  cpSync(join(folder, dags), target, { recursive: true });
  process.stdout.write(`The DAGs are in ${target}; see examples/${name}/README.md\n`);
}

/** A connection to a Service, with the password of a Secret. */
async function connect(
  id: string,
  given: JsonObject,
  { kubeconfig, where }: { readonly kubeconfig: string; readonly where: Where },
): Promise<void> {
  const signal = new AbortController().signal;
  const text = (key: string): string => childString(given, key) ?? "";
  const namespace = text("namespace");
  await using cluster = await openCluster({ kubeconfig }, [], systemClock);
  const { client } = cluster;
  const service = await client.get(services, { namespace, name: text("service") }, signal);
  const secret = await client.get(secrets, { namespace, name: text("secret") }, signal);
  const password = Buffer.from(secret.data?.["password"] ?? "", "base64").toString();
  await inWorkflowSession(where, async ({ database, vault }) => {
    await deleteConnection(database, id);
    await addConnection(database, vault, {
      id,
      type: text("type"),
      host: service.spec?.clusterIP ?? "",
      port: Number(given["port"]),
      schema: text("schema"),
      login: text("login"),
      password,
    });
  });
}

/** Runs this program with other arguments. @throws {Error} when it fails; it has said why. */
async function runSelf(args: readonly string[]): Promise<void> {
  process.stderr.write(`gantry ${args.join(" ")}\n`);
  const child = spawn(process.execPath, [process.argv[1] ?? "", ...args], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`'gantry ${args.join(" ")}' failed`);
}
