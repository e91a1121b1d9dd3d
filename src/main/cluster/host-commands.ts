import { Option, type Command } from "commander";
import { addAuditOptions } from "#main/control-plane/audit-options.ts";
import { registryMirrorOption } from "#main/command-line/mirror-options.ts";
import {
  ingressHttpPort,
  ingressHttpsPort,
  logLevelOption,
  parsePort,
  registryPort,
  type AgentOptions,
  type ServerOptions,
  type Where,
  dataDirOption,
  resolvePath,
} from "#main/command-line/options.ts";

/** Adds the commands of clusters of several machines. */
export function addHostCommands(program: Command): void {
  addAuditOptions(program.command("server"))
    .description("run a control plane without a node, in the foreground")
    .addOption(dataDirOption())
    .option("--host <address>", "address to listen on", "0.0.0.0")
    .option("--port <number>", "port of the API server", parsePort, 6443)
    .addOption(logLevelOption())
    .option("--store <address>", "etcd://host:2379[,…] instead of the embedded store")
    .option(...registryPort)
    .addOption(registryMirrorOption())
    .option(
      "--pki-dir <path>",
      "where the authority's files are; pki in the data directory if unset",
    )
    .addHelpText(
      "after",
      "\nSeveral servers may share one etcd. They must share the authority too: start the first, copy\nits pki/ca.crt, ca.key and sa.key to a folder on each other host, and name that with --pki-dir.",
    )
    .action(async (options: ServerOptions) => {
      const { server } = await import("./server.ts");
      await server(options);
    });
  addAgent(program);
  program
    .command("token")
    .description("tokens with which machines join")
    .command("create")
    .description("make a token for a day, and print the command that joins a machine with it")
    .addOption(dataDirOption())
    .action(async (where: Where) => {
      const { createToken } = await import("#main/node/token.ts");
      process.stdout.write(`${await createToken(where, new AbortController().signal)}\n`);
    });
}

function addAgent(program: Command): void {
  program
    .command("agent")
    .description("run a node of another machine's control plane, in the foreground")
    .requiredOption("--server <url>", "https://host:6443 of the control plane")
    .option("--token <id.secret>", "from gantry token create; needed at first start only")
    .option("--token-file <path>", "a file with the token")
    .option("--ca-hash <hash>", "sha256:… of the authority's public key; at first start only")
    .option("--node-name <name>", "name of the node; the machine's host name by default")
    .option("--data-dir <path>", "where everything is kept", resolvePath, "/var/lib/gantry-agent")
    .addOption(
      new Option("--runtime <name>", "what runs containers; simulated needs no root")
        .choices(["containerd", "simulated"])
        .default("containerd"),
    )
    .option(...ingressHttpPort)
    .option(...ingressHttpsPort)
    .addOption(logLevelOption())
    .option(...registryPort)
    .option("--no-install", "name missing packages instead of installing them")
    .addOption(new Option("--image-store <path>", "images in place of a registry's").hideHelp())
    .action(async (options: AgentOptions) => {
      const { agent } = await import("./agent.ts");
      await agent(options);
    });
}
