import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { objectName } from "#api/names.ts";
import type { Pod } from "#api/gen/types.ts";
import type { ConvertOptions } from "#compose/convert/convert.ts";
import type { Workload } from "#compose/convert/workloads.ts";
import type { Session } from "#cli/connection.ts";
import type { Project } from "#compose/project/model.ts";
import { convertOptions, dataDirOf, inProject, selected } from "./project.ts";
import { processOptions, variablesOf } from "#main/containers/exec-verb.ts";

interface RunFlags {
  readonly detach?: true;
  readonly rm?: true;
  readonly tty: boolean;
  readonly interactive: boolean;
  readonly deps: boolean;
  readonly servicePorts?: true;
  readonly name?: string;
  readonly entrypoint?: string;
  readonly user?: string;
  readonly workdir?: string;
  readonly env: readonly string[];
  readonly envFile: readonly string[];
}

const randomNameBytes = 6;

/** `gantry compose run`. */
export function addComposeRun(compose: Command): void {
  const verb = compose
    .command("run <service> [command...]")
    .description("run a command in a new container of a service, and what it depends on")
    .passThroughOptions()
    .option("-d, --detach", "leave it running and print its name")
    .option("--rm", "remove it when it has ended")
    .option("-T, --no-tty", "without a terminal")
    .option("--no-interactive", "without input")
    .option("--no-deps", "without what the service depends on")
    .option("--service-ports", "with the ports of the service")
    .option("--name <name>", "its name")
    .option("--entrypoint <path>", "instead of the service's");
  processOptions(verb).action(async (service: string, command: string[], flags: RunFlags) => {
    const dataDir = dataDirOf(compose);
    const project = await selected(compose, [service]);
    const from = await convertOptions(compose, project, "host-port");
    await inProject(compose, project.name, async (session) => {
      process.exitCode = await runOneOff(
        session,
        project,
        { service, command },
        { flags, dataDir, from },
      );
    });
  });
}

async function runOneOff(
  session: Session,
  project: Project,
  of: { readonly service: string; readonly command: readonly string[] },
  {
    flags,
    dataDir,
    from,
  }: { readonly flags: RunFlags; readonly dataDir: string; readonly from: ConvertOptions },
): Promise<number> {
  const { convert } = await import("#compose/convert/convert.ts");
  const { up } = await import("#compose/run/up.ts");
  const { builtDigests } = await import("./build.ts");
  const built = await builtDigests(project, dataDir);
  const options = {
    ...from,
    built: (name: string) => built.get(name),
  };
  const { [of.service]: own } = project.services;
  const workload = convert(project, options).workloads[of.service];
  if (own === undefined || workload === undefined)
    throw new Error(`no such service: ${of.service}`);
  const alone = { [of.service]: { ...own, depends_on: {} } };
  const pod = await podOf(project, { ...of, workload }, flags);
  await up(session, flags.deps ? project : { ...project, services: alone }, {
    ...options,
    wait: false,
    removeOrphans: false,
    all: Object.keys(project.services),
    instead: { service: of.service, act: () => create(session, pod) },
  });
  return await follow(session, pod, flags);
}

async function podOf(
  project: Project,
  of: {
    readonly service: string;
    readonly command: readonly string[];
    readonly workload: Workload;
  },
  flags: RunFlags,
): Promise<Pod> {
  const { oneOffPod } = await import("#compose/run/one-off.ts");
  const attached = flags.detach !== true;
  const madeUp = `${of.service}-run-${randomBytes(randomNameBytes).toString("hex")}`;
  return oneOffPod(project, of, {
    name: objectName(flags.name ?? madeUp),
    command: of.command,
    entrypoint: flags.entrypoint,
    env: await variablesOf(flags),
    user: flags.user,
    workdir: flags.workdir,
    tty: flags.tty && attached && process.stdin.isTTY && process.stdout.isTTY,
    stdin: flags.interactive && attached,
    attached,
    servicePorts: flags.servicePorts === true,
  });
}

async function create(session: Session, pod: Pod): Promise<void> {
  const { ensureAttachedClass } = await import("#containers/run/objects.ts");
  const { pods } = await import("#client/kinds.ts");
  const { client, namespace } = session.cluster;
  await ensureAttachedClass(session);
  const metadata = { ...pod.metadata, namespace };
  await client.create(pods, { ...pod, metadata }, {}, session.signal);
}

async function follow(session: Session, { metadata }: Pod, flags: RunFlags): Promise<number> {
  const { attachToEnd, awaitStart } = await import("#containers/run/run.ts");
  const { defaultDetachKeys } = await import("#cli/detach-keys.ts");
  const { removePod } = await import("#containers/run/remove.ts");
  const { pods } = await import("#client/kinds.ts");
  const { client, namespace } = session.cluster;
  const at = { namespace, name: metadata?.name ?? "" };
  const made = await client.get(pods, at, session.signal);
  const state = await awaitStart(session, made).catch(async (error: unknown) => {
    await removePod(session, made);
    throw error;
  });
  const remove = flags.rm === true;
  if (state.kind === "failed") {
    session.io.err(`gantry: ${state.message}\n`);
    if (remove) await removePod(session, made);
    return state.code;
  }
  if (flags.detach === true) {
    session.io.out(`${at.name}\n`);
    return 0;
  }
  const { stdin = false, tty = false } = made.spec?.containers[0] ?? {};
  return await attachToEnd(session, made, { stdin, tty, remove, detachKeys: defaultDetachKeys });
}
