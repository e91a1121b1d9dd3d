import type { Pod } from "#api/gen/types.ts";
import { describeError } from "#base/log.ts";
import { listContainers, chooseContainer } from "#containers/find.ts";
import { inspectContainer } from "#containers/inspect.ts";
import { fillTemplate } from "#base/go-template/evaluate.ts";
import type { Fields } from "#base/go-template/values.ts";
import { inspectImages } from "#images/verbs/inspect.ts";
import { withCluster } from "#main/command-line/cluster-verbs.ts";
import { withImages } from "#main/images/verbs.ts";
import type { Where } from "#main/command-line/options.ts";
import { inContainers } from "./run-command.ts";

export interface InspectCommand extends Where {
  readonly format?: string;
  readonly type?: string;
}

/** `gantry inspect`: containers first, then images, as Docker looks for names. */
export async function inspectCommand(
  names: readonly string[],
  options: InspectCommand,
): Promise<void> {
  const containers = options.type === "image" ? [] : await containersOf(options);
  const shown: Fields[] = [];
  for (const name of names) {
    try {
      const container = chooseContainer(containers, name);
      if (container !== undefined) shown.push(inspectContainer(container));
      else if (options.type === "container") throw new Error(`No such container: ${name}`);
      else shown.push(...(await imagesNamed(name, options)));
    } catch (error) {
      process.stderr.write(`gantry: ${describeError(error)}\n`);
      process.exitCode = 1;
    }
  }
  process.stdout.write(formatInspected(shown, options.format));
}

/** As JSON, or a line of a template for each. @throws {TemplateError} */
export function formatInspected(shown: readonly Fields[], format = ""): string {
  return format === "" || format === "json"
    ? `${JSON.stringify(shown, undefined, 4)}\n`
    : shown.map((it) => `${fillTemplate(format, it)}\n`).join("");
}

async function imagesNamed(name: string, where: Where): Promise<Fields[]> {
  return await withImages(where, async (world) => {
    const found = await inspectImages(world, [name]);
    return found.map((it) => ({ ...it }));
  });
}

/** None without a system that runs: images are there all the same. */
async function containersOf({ dataDir, type }: InspectCommand): Promise<readonly Pod[]> {
  const { signal } = new AbortController();
  try {
    return await withCluster({ ...inContainers({}), dataDir }, signal, listContainers);
  } catch (error) {
    if (type === "container") throw error;
    return [];
  }
}
