import { Option, type Command } from "commander";
import type { ClusterOptions } from "#cli/connection.ts";
import { refusedFlags } from "#containers/flags/refused.ts";
import { containerNamespace } from "#containers/labels.ts";
import type { ContainerOptions } from "#containers/options.ts";
import { collect, parseCount, withCluster } from "#main/command-line/cluster-verbs.ts";
import { dataDirOption, type Where } from "#main/command-line/options.ts";

/** Docker's code for a client that fails before there is a container. */
const failedCode = 125;

type RunFlags = ContainerOptions &
  ClusterOptions &
  Where & {
    readonly detach?: true;
    readonly detachKeys: string;
    readonly sigProxy: boolean;
    readonly attach: readonly string[];
    readonly cidfile?: string;
    /** Another word for `network`. */
    readonly net?: string;
  };

/** Adds `gantry run` and `gantry create`. */
export function addRunCommands(program: Command): void {
  const run = containerCommand(program, "run")
    .description("run a command in a new container")
    .option("-d, --detach", "leave it running and print its id")
    .option("--detach-keys <keys>", "keys that leave it running", "ctrl-p,ctrl-q")
    .addOption(sigProxyOption());
  run.action(async (image: string, command: string[], options: RunFlags) => {
    await guarded(async () => {
      process.exitCode = await runImage(image, command, options);
    });
  });
  containerCommand(program, "create")
    .description("make a container that start runs")
    .action(async (image: string, command: string[], options: RunFlags) => {
      await guarded(async () => {
        await createOnly(image, command, options);
      });
    });
}

async function runImage(
  image: string,
  command: readonly string[],
  flags: RunFlags,
): Promise<number> {
  const { onlyStreams } = await import("#containers/flags/streams.ts");
  const { runContainer } = await import("#containers/run/run.ts");
  const { parseDetachKeys } = await import("#cli/detach-keys.ts");
  const { containerPorts } = await import("./ports.ts");
  await check(flags);
  const streams = onlyStreams(flags);
  const request = {
    image,
    command,
    options: { ...withNetwork(flags), interactive: streams.interactive },
    detach: flags.detach === true,
    detachKeys: parseDetachKeys(flags.detachKeys),
    sigProxy: flags.sigProxy,
    onCreated: (id: string) => writeId(flags, id),
  };
  return await withCluster(inContainers(flags), new AbortController().signal, (session) => {
    const shown = { ...session, io: streams.of(session.io) };
    return runContainer(shown, request, containerPorts(flags.dataDir));
  });
}

async function createOnly(
  image: string,
  command: readonly string[],
  options: RunFlags,
): Promise<void> {
  const { createContainer } = await import("#containers/run/create.ts");
  const { idOf } = await import("#containers/find.ts");
  const { containerPorts } = await import("./ports.ts");
  await check(options);
  const request = {
    image,
    command,
    options: withNetwork(options),
    attached: false,
    held: true,
  };
  await withCluster(inContainers(options), new AbortController().signal, async (session) => {
    const pod = await createContainer(session, request, containerPorts(options.dataDir));
    await writeId(options, idOf(pod));
    session.io.out(`${idOf(pod)}\n`);
  });
}

/** Refuses what cannot be before anything is made. */
async function check(flags: RunFlags): Promise<void> {
  const { checkRefused } = await import("#containers/flags/refused.ts");
  const { existsSync } = await import("node:fs");
  checkRefused({ ...flags });
  if (flags.cidfile !== undefined && existsSync(flags.cidfile)) {
    throw new Error(
      `container ID file found, make sure the other container isn't running or delete ${flags.cidfile}`,
    );
  }
}

/** `--sig-proxy=false` keeps signals for this program. */
export function sigProxyOption(): Option {
  return new Option("--sig-proxy [boolean]", "pass signals of this program on; =false: do not")
    .argParser((text) => !["false", "0", "f"].includes(text.toLowerCase()))
    .default(true);
}

function withNetwork(flags: RunFlags): RunFlags {
  return { ...flags, network: flags.network ?? flags.net };
}

async function writeId({ cidfile }: RunFlags, id: string): Promise<void> {
  if (cidfile === undefined) return;
  const { writeFile } = await import("node:fs/promises");
  await writeFile(cidfile, id, { flag: "wx" });
}

/** Containers are in a namespace of their own. */
export function inContainers<T extends ClusterOptions>(options: T): T {
  return { ...options, namespace: options.namespace ?? containerNamespace };
}

/** What fails before there is a container ends with Docker's code for that. */
async function guarded(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    process.exitCode = failedCode;
    const { describeError } = await import("#base/log.ts");
    process.stderr.write(`gantry: ${describeError(error)}\n`);
  }
}

/** Options that every command on containers takes. */
export function clusterOptions(command: Command): Command {
  return command
    .option("-n, --namespace <name>", `in this namespace instead of '${containerNamespace}'`)
    .option("--kubeconfig <path>", "of this cluster")
    .option("--context <name>", "in this context of the kubeconfig")
    .addOption(dataDirOption());
}

function containerCommand(program: Command, name: string): Command {
  const command = program
    .command(name)
    .argument("<image>", "its name; nginx is docker.io/library/nginx:latest")
    .argument("[command...]", "instead of the image's")
    // Options after the image are the container's.
    .passThroughOptions()
    .showHelpAfterError(`See 'gantry ${name} --help'.`)
    .exitOverride(({ exitCode }) => {
      process.exit(exitCode === 0 ? 0 : failedCode);
    });
  addProcess(command);
  addFiles(command);
  addNetwork(command);
  addLimits(command);
  addHealth(command);
  for (const { flags } of refusedFlags) command.addOption(new Option(flags).hideHelp());
  return clusterOptions(command);
}

function addProcess(command: Command): void {
  command
    .option("-i, --interactive", "pass input on")
    .option("-t, --tty", "with a terminal")
    .option("--rm", "remove it when it has ended")
    .option("--name <name>", "its name; one is made up if unset")
    .option("-e, --env <name=value>", "variable; without a value, that of your shell", collect, [])
    .option("--env-file <path>", "file of variables", collect, [])
    .option("--entrypoint <program>", "instead of the image's")
    .option("-u, --user <number>", "user or user:group, as numbers")
    .option("-w, --workdir <path>", "where the command begins")
    .option("-l, --label <name=value>", "label", collect, [])
    .option("--restart <policy>", "no, on-failure, always, unless-stopped")
    .option("--pull <when>", "always, missing, never")
    .option("--init", "with a first process that buries the dead")
    .option("--stop-timeout <seconds>", "until it is killed when it is stopped", parseCount)
    .option("--stop-signal <signal>", "instead of SIGTERM")
    .option("-a, --attach <stream>", "stdin, stdout, stderr: only these", collect, [])
    .option("-q, --quiet", "say nothing of a missing image")
    .option("--platform <os/arch>", "on a node of it, such as linux/arm64")
    .option("--label-file <path>", "file of labels", collect, [])
    .option("--annotation <name=value>", "annotation of its pod", collect, [])
    .option("--cidfile <path>", "write its id there");
}

function addFiles(command: Command): void {
  command
    .option("-v, --volume <source:target>", "volume or directory of the node; :ro", collect, [])
    .option("--mount <type=…,source=…,target=…>", "volume, bind or tmpfs", collect, [])
    .option("--tmpfs <path>", "memory as a directory; :size=64m", collect, [])
    .option("--read-only", "its own files cannot be written")
    .option("--volumes-from <container>", "what that one mounts; :ro", collect, [])
    .option("--shm-size <bytes>", "of /dev/shm");
}

function addNetwork(command: Command): void {
  command
    .option("-p, --publish <ports>", "[[IP:]HOST:]CONTAINER[/udp], ranges", collect, [])
    .option("-P, --publish-all", "all ports that the image exposes, at free ones")
    .option("--expose <port>", "port that it listens at", collect, [])
    .option("--network <name>", "host, none, or one of yours")
    .addOption(new Option("--net <name>", "the same").hideHelp())
    .option("--network-alias <name>", "further name in your network", collect, [])
    .option("-h, --hostname <name>", "its host name")
    .option("--add-host <host:ip>", "line of /etc/hosts", collect, [])
    .option("--dns <address>", "name server instead of the cluster's", collect, [])
    .option("--dns-search <domain>", "where names are looked for", collect, [])
    .option("--dns-option <option>", "of resolv.conf", collect, [])
    .helpOption("--help", "display help for command");
}

function addLimits(command: Command): void {
  command
    .option("-m, --memory <bytes>", "at most, such as 512m")
    .option("--memory-reservation <bytes>", "set aside for it")
    .option("--cpus <number>", "at most, such as 1.5")
    .option("--cpu-quota <microseconds>", "at most in each --cpu-period", parseCount)
    .option("--cpu-period <microseconds>", "of --cpu-quota; 100000", parseCount)
    .option("--memory-swap <bytes>", "as much as --memory: there is no swap")
    .option("--pids-limit <number>", "processes at most")
    .option("--ulimit <name=soft:hard>", "limit of each process, such as nofile", collect, [])
    .option("--privileged", "all rights of the machine's root")
    .option("--cap-add <capability>", "further right", collect, [])
    .option("--cap-drop <capability>", "without this right; ALL", collect, [])
    .option("--security-opt <option>", "no-new-privileges, seccomp=unconfined", collect, [])
    .option("--group-add <number>", "further group", collect, [])
    .option("--sysctl <name=value>", "kernel setting", collect, [])
    .option("--pid <mode>", "host")
    .option("--ipc <mode>", "host");
}

function addHealth(command: Command): void {
  command
    .option("--health-cmd <command>", "says whether it is healthy")
    .option("--health-interval <duration>", "between two looks; 30s")
    .option("--health-timeout <duration>", "of a look; 30s")
    .option("--health-retries <number>", "failures until it is unhealthy; 3", parseCount)
    .option("--health-start-period <duration>", "failures do not count before")
    .option("--health-start-interval <duration>", "between looks before it is healthy; 5s")
    .option("--no-healthcheck", "without that of the image");
}
