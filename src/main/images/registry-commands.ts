import { Option, type Command } from "commander";
import type { CollectCommand, PasswordOptions, ServeOptions } from "./registry.ts";
import { dataDirOption } from "#main/command-line/options.ts";

/** Adds `gantry registry …`. */
export function addRegistryCommands(program: Command): void {
  const registry = program.command("registry").description("image registries");
  registry
    .command("serve")
    .description("run a registry by itself, in the foreground")
    .option("--listen <host:port>", "address to listen on", "127.0.0.1:5000")
    .requiredOption("--storage <path>", "where images are kept")
    .option("--tls-cert <file>", "certificate, PEM; without one it speaks plain HTTP")
    .option("--tls-key <file>", "its key, PEM")
    .addOption(
      new Option("--auth <scheme>", "what clients show; none lets everybody push")
        .choices(["none", "basic", "token"])
        .default("token"),
    )
    .option("--users <file>", "who may what; gantry registry passwd writes it")
    .option("--anonymous-pull", "everybody may pull", false)
    .option("--mirror <registry>", "serve another registry's images, as docker.io's, and keep them")
    .action(async (options: ServeOptions) => {
      const { serveRegistry } = await import("./registry.ts");
      await serveRegistry(options);
    });
  registry
    .command("passwd")
    .argument("<name>", "of a user")
    .description(
      "give a user a password: the first line of the input, or a new one that is printed",
    )
    .option(
      "--grants <list>",
      "pull, push, delete or *, each perhaps with @repository or @prefix/*; all if unset",
      "",
    )
    .option("--users <file>", "instead of the installation's file")
    .addOption(dataDirOption())
    .action(async (name: string, options: PasswordOptions) => {
      const { setPassword } = await import("./registry.ts");
      const made = await setPassword(name, options);
      if (made !== undefined) process.stdout.write(`${made}\n`);
    });
  registry
    .command("gc")
    .description("remove what no image needs; what runs goes on")
    .option("--storage <path>", "instead of the installation's images")
    .option("--untagged", "remove images without a tag too", false)
    .addOption(dataDirOption())
    .action(async (options: CollectCommand) => {
      const { collectGarbage } = await import("./registry.ts");
      const done = await collectGarbage(options, new AbortController().signal);
      process.stdout.write(`${done}\n`);
    });
}
