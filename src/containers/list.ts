import type { Pod } from "#api/gen/types.ts";
import { parseTime } from "#api/time.ts";
import { ellipsis, formatAge, formatSize } from "#base/docker-format.ts";
import type { Fields } from "#base/go-template/values.ts";
import { formatRows } from "#base/go-template/rows.ts";
import { chooseContainers, type ChoiceOptions } from "./choose.ts";
import { idOf, nameOf } from "./find.ts";
import {
  claimNames,
  commandOf,
  imageOf,
  labelsOf,
  mountNames,
  networkNames,
  portsText,
  stateWord,
} from "./facts.ts";
import { statusText } from "./state.ts";

export interface ListOptions extends ChoiceOptions {
  readonly quiet?: boolean | undefined;
  readonly noTrunc: boolean;
  /** `table`, `table {{…}}`, `json`, or a template. */
  readonly format?: string | undefined;
  /** Bytes by container id, where they are to be shown. */
  readonly sizes?: ReadonlyMap<string, ContainerSize> | undefined;
}

/** What a container takes on its node's disk. */
export interface ContainerSize {
  /** Its own files, beyond its image's; undefined where the node cannot say. */
  readonly ownBytes: number | undefined;
  /** Undefined where the node does not report the image. */
  readonly imageBytes: number | undefined;
}

const shortId = 12;
const commandMax = 20;
const mountMax = 15;

/** The text of `gantry ps`; `all` is sorted, the newest first. @throws {UsageError} */
export function formatContainers(all: readonly Pod[], options: ListOptions, now: number): string {
  const shown = chooseContainers(all, options);
  const rows = shown.map((it) => rowOf(it, options, now));
  if (options.quiet === true) return rows.map((it) => `${String(it["ID"])}\n`).join("");
  const columns = options.sizes === undefined ? titles : { ...titles, Size: "SIZE" };
  return formatRows(rows, columns, options.format);
}

const titles = {
  ID: "CONTAINER ID",
  Image: "IMAGE",
  Command: "COMMAND",
  RunningFor: "CREATED",
  Status: "STATUS",
  Ports: "PORTS",
  Names: "NAMES",
} as const;

function rowOf(pod: Pod, { noTrunc, sizes }: ListOptions, now: number): Fields {
  const created = pod.metadata?.creationTimestamp ?? "";
  const command = JSON.stringify(commandOf(pod).join(" "));
  const labels = labelsOf(pod);
  const mounts = mountNames(pod);
  return {
    ID: noTrunc ? idOf(pod) : idOf(pod).slice(0, shortId),
    Image: imageOf(pod),
    Command: noTrunc ? command : `"${ellipsis(command.slice(1, -1), commandMax)}"`,
    CreatedAt: created,
    RunningFor: formatAge(now - (parseTime(created) ?? now)),
    State: stateWord(pod),
    Status: statusText(pod, now),
    Ports: portsText(pod),
    Names: nameOf(pod),
    Labels: Object.entries(labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(","),
    Label: (name: unknown) => labels[String(name)] ?? "",
    Mounts: mounts.map((it) => (noTrunc ? it : ellipsis(it, mountMax))).join(","),
    LocalVolumes: String(claimNames(pod).length),
    Networks: networkNames(pod).join(","),
    Size: sizeText(sizes?.get(idOf(pod))),
    Node: pod.spec?.nodeName ?? "",
  };
}

/** `12B (virtual 4.2MB)`: the second is with the image. */
function sizeText(size: ContainerSize | undefined): string {
  if (size?.ownBytes === undefined) return size === undefined ? "" : "N/A";
  const own = formatSize(size.ownBytes);
  const { imageBytes } = size;
  return imageBytes === undefined
    ? own
    : `${own} (virtual ${formatSize(size.ownBytes + imageBytes)})`;
}
