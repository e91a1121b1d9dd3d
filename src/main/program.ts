import { Command, Option } from "commander";
import { describeError } from "#base/log.ts";
import { addAuditOptions } from "./control-plane/audit-options.ts";
import { addBuildCommand, addBuilderCommand } from "./build/command.ts";
import { addClusterVerbs } from "./command-line/cluster-verbs.ts";
import { addComposeVerbs } from "./compose/verbs.ts";
import { addContainerChangeVerbs, addContainerWatchVerbs } from "./containers/change-verbs.ts";
import { addContainerVerbs } from "./containers/verbs.ts";
import { addExecVerb } from "./containers/exec-verb.ts";
import { addHostCommands } from "./cluster/host-commands.ts";
import { addImageCommands } from "./image-commands.ts";
import { registryMirrorOption } from "./command-line/mirror-options.ts";
import { addImagePrune, addPruneVerbs } from "./containers/prune-verbs.ts";
import { addRegistryCommands } from "./images/registry-commands.ts";
import {
  checkDuration,
  dataDirOption,
  ingressHttpPort,
  ingressHttpsPort,
  logLevelOption,
  parseNodeCount,
  parsePort,
  registryPort,
  type DownOptions,
  type UpOptions,
  type Where,
} from "./command-line/options.ts";
import { pathsBelow, runDirectoryOf } from "./process/paths.ts";
import { addRunCommands } from "./containers/run-command.ts";
import { version } from "./process/version.ts";
import { noWorkflowsOption, workflowsPortDefault } from "./command-line/workflow-up-options.ts";
import { addVolumeVerbs } from "./containers/volume-verbs.ts";
import { addWorkflowVerbs } from "./workflows/verbs.ts";

const program = new Command("gantry")
  .description("Runs containers and data workflows, and speaks the Kubernetes API.")
  .version(version)
  .showHelpAfterError("(gantry --help lists the commands)")
  // So that options of a command that is to be run stay with it.
  .enablePositionalOptions();

function upOptions(command: Command): Command {
  return addAuditOptions(command)
    .addOption(dataDirOption())
    .option("--host <address>", "address to listen on", "0.0.0.0")
    .option("--port <number>", "port of the API server", parsePort, 6443)
    .addOption(
      new Option("--runtime <name>", "what runs containers; simulated needs no root")
        .choices(["containerd", "simulated"])
        .default("containerd"),
    )
    .option(
      "--shutdown-grace <duration>",
      "end pods within this time when the machine shuts down; they are left running if unset",
      checkDuration,
    )
    .option("--store <address>", "etcd://host:2379[,…] instead of the embedded store")
    .option("--node-name <name>", "name of this machine's node; its host name by default")
    .option(...ingressHttpPort)
    .option(...ingressHttpsPort)
    .addOption(logLevelOption())
    .option(...registryPort)
    .addOption(registryMirrorOption())
    .option(...noWorkflowsOption)
    .option(
      "--workflows-port <number>",
      "port of the workflows' REST API, on loopback; 0: none",
      parsePort,
      workflowsPortDefault,
    )
    .option(
      "--nodes <number>",
      "nodes on this machine, each in a network namespace of its own; as many as last time if unset",
      parseNodeCount,
    );
}

upOptions(program.command("up").description("start the system on this machine"))
  .option("--no-install", "name missing packages instead of installing them")
  .option("--example <name>", "then make an example of the folder examples: shop")
  .action(async (options: UpOptions & { readonly example?: string }) => {
    const { up } = await import("./cluster/up.ts");
    await up(options);
    if (options.example === undefined) return;
    const { startExample } = await import("./cluster/example.ts");
    await startExample(options.example, options);
  });

program
  .command("example")
  .description("examples of the folder examples")
  .command("build <name>")
  .description("make the images of an example that are not there yet")
  .addOption(dataDirOption())
  .action(async (name: string, where: Where) => {
    const { buildExample } = await import("./cluster/example.ts");
    await buildExample(name, where);
  });

upOptions(program.command("daemon", { hidden: true })).action(async (options: UpOptions) => {
  const { daemon } = await import("./cluster/daemon.ts");
  await daemon(options, 3);
});

addHostCommands(program);
addRegistryCommands(program);
addImageCommands(program);
addBuildCommand(program);
addBuilderCommand(program);

program
  .command("down")
  .description("stop the system; containers go on running")
  .option("--drain", "end all pods of this machine first", false)
  .addOption(dataDirOption())
  .action(async (options: DownOptions) => {
    const { down } = await import("./cluster/down.ts");
    process.stdout.write((await down(options)) ? "stopped\n" : "not running\n");
  });

program
  .command("reset")
  .description("stop the system and remove everything of it from this machine")
  .addOption(dataDirOption())
  .action(async (where: Where) => {
    const { reset } = await import("./cluster/reset.ts");
    await reset(where, new AbortController().signal);
    process.stdout.write("nothing of Gantry is left\n");
  });

program
  .command("status")
  .description("say what runs")
  .addOption(dataDirOption())
  .action(async (where: Where) => {
    const { status } = await import("./cluster/status.ts");
    if (!(await status(where))) process.exitCode = 3;
  });

const imageCommand = program.command("image").description("images of this machine");
addImagePrune(imageCommand);
imageCommand
  .command("seed [image]")
  .description(
    "make base images of Debian's packages, where no registry can be reached: busybox (of busybox-static), debian or debian:<suite> (by mmdebstrap)",
  )
  .addOption(dataDirOption())
  .action(async (image: string | undefined, where: Where) => {
    const { seedImage } = await import("./images/seed.ts");
    for (const name of await seedImage(image ?? "busybox", where, new AbortController().signal)) {
      process.stdout.write(`${name}\n`);
    }
  });

program
  .command("kubeconfig")
  .description("print the path of the administrator's kubeconfig")
  .addOption(dataDirOption())
  .action((where: Where) => {
    const { kubeconfig } = pathsBelow(where.dataDir, runDirectoryOf(where.dataDir));
    process.stdout.write(`${kubeconfig}\n`);
  });

addRunCommands(program);
addContainerVerbs(program);
addContainerChangeVerbs(program);
addContainerWatchVerbs(program);
addVolumeVerbs(program);
addPruneVerbs(program);
addClusterVerbs(program);
addExecVerb(program);
addWorkflowVerbs(program);
addComposeVerbs(program);

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`gantry: ${describeError(error)}\n`);
  process.exitCode = 1;
}
