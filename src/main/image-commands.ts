import type { Command } from "commander";
import type { HistoryOptions } from "#images/verbs/history.ts";
import type { ListOptions } from "#images/verbs/list.ts";
import { collect } from "./command-line/cluster-verbs.ts";
import type { ImportOptions } from "./build/image-import.ts";
import type { LoadCommand, LoginCommand, SaveCommand, TransferCommand } from "./images/verbs.ts";
import type { InspectCommand } from "./containers/inspect.ts";
import { dataDirOption, type Where } from "./command-line/options.ts";

/** Adds the commands on images that Docker's client has. */
export function addImageCommands(program: Command): void {
  addListing(program);
  addChanges(program);
  addTransfers(program);
  addArchives(program);
  addImport(program);
  addLogin(program);
}

function addListing(program: Command): void {
  program
    .command("images")
    .argument("[name]", "a repository, perhaps with a tag and with wildcards")
    .description("list images")
    .option("-a, --all", "images without a tag too", false)
    .option("-q, --quiet", "ids only", false)
    .option("--digests", "show digests", false)
    .option("--no-trunc", "whole ids")
    .option("-f, --filter <key=value>", "only such as these", collect, [])
    .option("--format <form>", "table, json, or a template such as {{.Repository}}")
    .addOption(dataDirOption())
    .action(async (name: string | undefined, options: ListArguments) => {
      const { nowMs, withImages } = await import("./images/verbs.ts");
      const { listImages } = await import("#images/verbs/list.ts");
      await withImages(options, async (world) => {
        const wanted = { ...options, name, noTrunc: !options.trunc };
        process.stdout.write(await listImages(world, wanted, nowMs()));
      });
    });
  program
    .command("history")
    .argument("<image>")
    .description("show how an image was made")
    .option("-q, --quiet", "ids only", false)
    .option("--no-trunc", "whole commands")
    .option("-H, --human", "sizes and times for people", true)
    .option("--no-human", "sizes in bytes, and dates")
    .option("--format <form>", "table, json, or a template such as {{.CreatedBy}}")
    .addOption(dataDirOption())
    .action(async (image: string, options: HistoryArguments) => {
      const { nowMs, withImages } = await import("./images/verbs.ts");
      const { showHistory } = await import("#images/verbs/history.ts");
      await withImages(options, async (world) => {
        const how = { ...options, noTrunc: !options.trunc, now: nowMs() };
        process.stdout.write(await showHistory(world, image, how));
      });
    });
  program
    .command("inspect")
    .argument("<names...>", "of containers or images")
    .description("show all that is known of containers or images, as JSON")
    .option("-f, --format <template>", "json, or a template such as {{.State.Status}}")
    .option("--type <type>", "container or image")
    .addOption(dataDirOption())
    .action(async (names: string[], options: InspectCommand) => {
      const { inspectCommand } = await import("./containers/inspect.ts");
      await inspectCommand(names, options);
    });
}

type HistoryArguments = Omit<HistoryOptions, "now" | "noTrunc"> &
  Where & { readonly trunc: boolean };
type ListArguments = Omit<ListOptions, "name" | "noTrunc"> & Where & { readonly trunc: boolean };

function addChanges(program: Command): void {
  program
    .command("tag")
    .argument("<source>", "a name or an id")
    .argument("<target>", "a new name")
    .description("give an image another name")
    .addOption(dataDirOption())
    .action(async (source: string, target: string, where: Where) => {
      const { withImages } = await import("./images/verbs.ts");
      const { tagImage } = await import("#images/verbs/change.ts");
      await withImages(where, async (world) => {
        await tagImage(world, source, target);
      });
    });
  program
    .command("rmi")
    .argument("<images...>", "names or ids")
    .description("remove images")
    .option("-f, --force", "an id with all its names", false)
    .addOption(dataDirOption())
    .action(async (images: string[], options: Where & { readonly force: boolean }) => {
      const { printLine, withImages } = await import("./images/verbs.ts");
      const { removeImage } = await import("#images/verbs/change.ts");
      await withImages(options, async (world) => {
        for (const image of images) {
          for await (const line of removeImage(world, image, options.force)) printLine(line);
        }
      });
    });
}

function addTransfers(program: Command): void {
  program
    .command("pull")
    .argument("<name>", "of an image of a registry")
    .description("bring an image from a registry")
    .option("-q, --quiet", "print the name only", false)
    .option("--platform <os/arch>", "instead of this machine's")
    .option("--no-tls-verify", "believe any certificate, and plain HTTP")
    .addOption(dataDirOption())
    .action(async (name: string, options: TransferCommand) => {
      const { pullCommand } = await import("./images/verbs.ts");
      await pullCommand(name, options);
    });
  program
    .command("push")
    .argument("<name>", "of an image, with its registry")
    .description("send an image to the registry in its name")
    .option("-a, --all-tags", "all tags of the name", false)
    .option("-q, --quiet", "print the name only", false)
    .option("--no-tls-verify", "believe any certificate, and plain HTTP")
    .addOption(dataDirOption())
    .action(async (name: string, options: TransferCommand) => {
      const { pushCommand } = await import("./images/verbs.ts");
      await pushCommand(name, options);
    });
}

function addArchives(program: Command): void {
  program
    .command("save")
    .argument("<images...>", "names or ids")
    .description("write images as a tar: an OCI layout that Docker loads too")
    .option("-o, --output <file>", "instead of the standard output")
    .addOption(dataDirOption())
    .action(async (images: string[], options: SaveCommand) => {
      const { saveCommand } = await import("./images/verbs.ts");
      await saveCommand(images, options);
    });
  program
    .command("load")
    .description("take in images of a tar: an OCI layout, or of docker save; perhaps gzipped")
    .option("-i, --input <file>", "instead of the standard input")
    .option("-q, --quiet", "taken for Docker's sake: there is no progress to leave out", false)
    .addOption(dataDirOption())
    .action(async (options: LoadCommand) => {
      const { loadCommand } = await import("./images/verbs.ts");
      await loadCommand(options);
    });
}

function addImport(program: Command): void {
  program
    .command("import")
    .argument("<source>", "a tar file, or - for the standard input; perhaps gzipped")
    .argument("[image]", "its name")
    .description("make an image of a tar of files, such as gantry export writes")
    .option("-c, --change <instruction>", "of a Dockerfile, such as 'CMD [\"sh\"]'", collect, [])
    .option("-m, --message <text>", "what for")
    .option("--platform <os/arch>", "instead of this machine's")
    .addOption(dataDirOption())
    .action(async (source: string, image: string | undefined, options: ImportOptions) => {
      const { importImage } = await import("./build/image-import.ts");
      await importImage(source, image, options);
    });
}

function addLogin(program: Command): void {
  program
    .command("login")
    .argument("[server]", "a registry", "docker.io")
    .description("keep credentials for a registry in ~/.docker/config.json")
    .option("-u, --username <name>")
    .option("-p, --password <password>", "others see it in the list of processes")
    .option("--password-stdin", "read the password from the input", false)
    .option("--no-tls-verify", "believe any certificate, and plain HTTP")
    .action(async (server: string, options: LoginCommand) => {
      const { loginCommand } = await import("./images/verbs.ts");
      await loginCommand(server, options);
    });
  program
    .command("logout")
    .argument("[server]", "a registry", "docker.io")
    .description("forget a registry's credentials")
    .action(async (server: string) => {
      const { logoutCommand } = await import("./images/verbs.ts");
      await logoutCommand(server);
    });
}
