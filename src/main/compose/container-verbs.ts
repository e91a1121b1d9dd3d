import { Option, type Command } from "commander";
import { systemClock } from "#base/clock.ts";
import type { Pod } from "#api/gen/types.ts";
import type { Session } from "#cli/connection.ts";
import type { Services } from "#compose/run/control.ts";
import { parseCount } from "#main/command-line/cluster-verbs.ts";
import { addComposeRun } from "./run.ts";
import { dataDirOf, inProject, load, selected } from "./project.ts";
import type { CopyOptions } from "#main/containers/copy.ts";
import { processOptions, variablesOf } from "#main/containers/exec-verb.ts";

/** The verbs of `gantry compose` on containers that there are. */
export function addComposeContainerVerbs(compose: Command): void {
  addRunning(compose);
  addFreezing(compose);
  addExec(compose);
  addComposeRun(compose);
  addShowing(compose);
  addWatching(compose);
  addImages(compose);
}

function addRunning(compose: Command): void {
  compose
    .command("stop [services...]")
    .description("take the containers of services away; start brings new ones")
    .action(async (services: string[]) => {
      const { stopServices } = await import("#compose/run/control.ts");
      await inServices(compose, services, (session, of) =>
        stopServices(session, of, { now: false }),
      );
    });
  compose
    .command("start [services...]")
    .description("run services that were stopped")
    .action(async (services: string[]) => {
      const { startServices } = await import("#compose/run/control.ts");
      await inServices(compose, services, startServices);
    });
  compose
    .command("restart [services...]")
    .description("put new containers in the place of those that run")
    .action(async (services: string[]) => {
      const { restartServices } = await import("#compose/run/control.ts");
      const { withRestarted } = await import("#compose/run/select.ts");
      const all = withRestarted(await load(compose), services);
      await inServices(compose, all, restartServices);
    });
  compose
    .command("rm [services...]")
    .description("remove services that are stopped")
    .option("-f, --force", "taken for Docker's sake: nobody is asked")
    .option("-s, --stop", "stop them first")
    .action(async (services: string[], options: { stop?: true }) => {
      const { removeStopped, stopServices } = await import("#compose/run/control.ts");
      await inServices(compose, services, async (session, of) => {
        if (options.stop === true) await stopServices(session, of, { now: false });
        await removeStopped(session, of);
      });
    });
  compose
    .command("kill [services...]")
    .description("end services at once, or send their first processes a signal")
    .option("-s, --signal <signal>", "its name or number", "KILL")
    .action(async (services: string[], { signal }: { signal: string }) => {
      const { stopServices } = await import("#compose/run/control.ts");
      const { signalPod } = await import("#containers/run/signal.ts");
      await inServices(compose, services, async (session, of) => {
        if (/^(SIG)?KILL$|^9$/i.test(signal)) await stopServices(session, of, { now: true });
        else await forRunning(session, of, (pod) => signalPod(session, pod, signal));
      });
    });
}

function addFreezing(compose: Command): void {
  compose
    .command("pause [services...]")
    .description("freeze all processes of services")
    .action(async (services: string[]) => {
      const { pauseContainer } = await import("#containers/run/pause.ts");
      await inServices(compose, services, (session, of) =>
        forRunning(session, of, (pod) => pauseContainer(session, pod)),
      );
    });
  compose
    .command("unpause [services...]")
    .description("let frozen processes go on")
    .action(async (services: string[]) => {
      const { unpauseContainer } = await import("#containers/run/pause.ts");
      await inServices(compose, services, (session, of) =>
        forRunning(session, of, (pod) => unpauseContainer(session, pod)),
      );
    });
}

interface ExecFlags {
  readonly tty: boolean;
  readonly detach?: true;
  readonly index: number;
  readonly user?: string;
  readonly workdir?: string;
  readonly privileged?: true;
  readonly env: readonly string[];
  readonly envFile: readonly string[];
}

function addExec(compose: Command): void {
  const verb = compose
    .command("exec <service> <command...>")
    .description("run a command in a running service")
    .passThroughOptions()
    .option("-T, --no-tty", "without a terminal")
    .option("-d, --detach", "leave it running, without input and output")
    .option("--index <number>", "in this container of the service", parseCount, 1);
  processOptions(verb).action(async (service: string, command: string[], flags: ExecFlags) => {
    const { execInContainer } = await import("#containers/run/exec.ts");
    const { name } = await load(compose);
    await inProject(compose, name, async (session) => {
      const of = { project: name, services: [service] };
      const pod = await runningPod(session, of, flags.index);
      const tty = flags.tty && process.stdin.isTTY && process.stdout.isTTY;
      process.exitCode = await execInContainer(session, pod, command, {
        ...flags,
        env: await variablesOf(flags),
        stdin: flags.detach !== true,
        tty: tty && flags.detach !== true,
      });
    });
  });
  compose
    .command("cp <source> <target>")
    .description("copy files from or to a service: SERVICE:PATH; - is a tar")
    .option("-a, --archive", "keep the numbers of users and groups", false)
    .option("-L, --follow-link", "copy what a link as the source leads to", false)
    .option("--index <number>", "of this container of the service", parseCount, 1)
    .action(async (from: string, to: string, flags: CopyOptions & { index: number }) => {
      const { copyFiles } = await import("#main/containers/copy.ts");
      const { name: project } = await load(compose);
      const find = (session: Session, service: string): Promise<Pod> =>
        runningPod(session, { project, services: [service] }, flags.index);
      await inProject(compose, project, (session) =>
        copyFiles(session, from, to, { ...flags, find }),
      );
    });
}

function addShowing(compose: Command): void {
  compose
    .command("top [services...]")
    .description("list the processes of services")
    .action(async (services: string[]) => {
      const { processTable } = await import("#containers/run/processes.ts");
      await inServices(compose, services, (session, of) =>
        forRunning(session, of, async (pod) => {
          const table = await processTable(session, pod, []);
          session.io.out(`${pod.metadata?.name ?? ""}\n${table}\n`);
        }),
      );
    });
  compose
    .command("port <service> <port>")
    .description("show where a port of a service is published")
    .addOption(
      new Option("--protocol <name>", "of the port").choices(["tcp", "udp"]).default("tcp"),
    )
    .option("--index <number>", "of this container of the service", parseCount, 1)
    .action(async (service: string, port: string, flags: { protocol: string; index: number }) => {
      const { publishedPorts } = await import("#containers/port.ts");
      await inServices(compose, [service], async (session, of) => {
        const pod = await runningPod(session, of, flags.index);
        session.io.out(publishedPorts(pod, `${port}/${flags.protocol}`));
      });
    });
  compose
    .command("wait <services...>")
    .description("wait until services have ended, and print their exit codes")
    .action(async (services: string[]) => {
      const { awaitExit } = await import("#containers/run/run.ts");
      const { podsOf } = await import("#compose/run/list.ts");
      await inServices(compose, services, async (session, of) => {
        for (const pod of await podsOf(session, of.project, of.services)) {
          const code = await awaitExit(session, pod);
          process.exitCode = code;
          session.io.out(`${code}\n`);
        }
      });
    });
}

function addWatching(compose: Command): void {
  compose
    .command("events [services...]")
    .description("print what happens to the containers of services from now on")
    .option("--json", "as JSON, a line each")
    .action(async (services: string[], flags: { json?: true }) => {
      const { showEvents } = await import("#containers/run/events.ts");
      const { ofServices } = await import("#compose/run/objects.ts");
      await inServices(compose, services, async (session, of) => {
        const labelSelector = ofServices(of.project, of.services);
        const format = flags.json === true ? "json" : undefined;
        await showEvents(session, { filter: [], format, labelSelector }, systemClock);
      });
    });
  compose
    .command("stats [services...]")
    .description("show what services use, once a second")
    .option("--no-stream", "once only")
    .option("--no-trunc", "whole ids")
    .option("--format <form>", "table, json, or a template such as {{.CPUPerc}}")
    .action(
      async (services: string[], flags: { stream: boolean; trunc: boolean; format?: string }) => {
        const { showStats } = await import("#containers/run/stats.ts");
        await inServices(compose, services, async (session, of) => {
          const { stream, trunc, format } = flags;
          const options = { of: (own: Session) => running(own, of), stream, format };
          await showStats(session, { ...options, noTrunc: !trunc, format }, systemClock);
        });
      },
    );
}

function addImages(compose: Command): void {
  compose
    .command("pull [services...]")
    .description("bring the images of services into the image store")
    .option("-q, --quiet", "print names only", false)
    .option("--ignore-buildable", "taken for Docker's sake: what is built here is never pulled")
    .action(async (services: string[], { quiet }: { quiet: boolean }) => {
      const { pullCommand } = await import("#main/images/verbs.ts");
      const project = await selected(compose, services);
      const images = new Set(
        Object.values(project.services).flatMap((it) =>
          it.build === undefined ? (it.image ?? []) : [],
        ),
      );
      const options = { dataDir: dataDirOf(compose), quiet, tlsVerify: true };
      for (const it of images) await pullCommand(it, options);
    });
  compose
    .command("push [services...]")
    .description("send the images of services that are built here to their registries")
    .option("-q, --quiet", "print names only", false)
    .action(async (services: string[], { quiet }: { quiet: boolean }) => {
      const { pushCommand } = await import("#main/images/verbs.ts");
      const project = await selected(compose, services);
      const options = { dataDir: dataDirOf(compose), quiet, tlsVerify: true };
      for (const [name, it] of Object.entries(project.services)) {
        if (it.build === undefined) continue;
        if (it.image !== undefined) await pushCommand(it.image, options);
        else process.stderr.write(`${name} has no image to be pushed as: give it one\n`);
      }
    });
  compose
    .command("images [services...]")
    .description("list the images of containers that there are")
    .action(async (services: string[]) => {
      const { composeImages } = await import("#compose/run/images.ts");
      await inServices(compose, services, composeImages);
    });
}

async function inServices(
  compose: Command,
  services: readonly string[],
  act: (session: Session, of: Services) => Promise<void>,
): Promise<void> {
  const project = await load(compose);
  const unknown = services.find((it) => project.services[it] === undefined);
  if (unknown !== undefined) throw new Error(`no such service: ${unknown}`);
  await inProject(compose, project.name, (session) =>
    act(session, { project: project.name, services }),
  );
}

async function running(session: Session, of: Services): Promise<readonly Pod[]> {
  const { podsOf } = await import("#compose/run/list.ts");
  const all = await podsOf(session, of.project, of.services);
  return all.filter(
    (it) => it.status?.phase === "Running" && it.metadata?.deletionTimestamp === undefined,
  );
}

/** @throws {Error} when there are none so many. */
async function runningPod(session: Session, of: Services, index: number): Promise<Pod> {
  const pod = (await running(session, of))[index - 1];
  if (pod !== undefined) return pod;
  const which = index === 1 ? "" : ` in so many containers: there is no number ${index}`;
  throw new Error(`service "${of.services[0] ?? ""}" is not running${which}`);
}

async function forRunning(
  session: Session,
  of: Services,
  act: (pod: Pod) => Promise<void>,
): Promise<void> {
  for (const pod of await running(session, of)) {
    await act(pod);
  }
}
