import type { Pod } from "#api/gen/types.ts";
import { parseTime } from "#api/time.ts";
import { ellipsis, formatAge } from "#base/docker-format.ts";
import { idOf, nameOf } from "./find.ts";
import {
  imageAnnotation,
  imageCommandAnnotation,
  isPaused,
  labelsAnnotation,
  networkLabelPrefix,
} from "./labels.ts";
import { formatRows } from "./rows.ts";
import { containerStateOf, healthState, statusText } from "./state.ts";
import { UsageError } from "./usage-error.ts";

export interface ListOptions {
  readonly all?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  readonly noTrunc: boolean;
  readonly filter: readonly string[];
  /** `table`, `table {{…}}`, `json`, or a template. */
  readonly format?: string | undefined;
  /** So many, whether they run or not; undefined: all that `all` says. */
  readonly last?: number | undefined;
}

const shortId = 12;
const commandMax = 20;

/** The text of `gantry ps`; `all` is sorted, the newest first. @throws {UsageError} */
export function formatContainers(all: readonly Pod[], options: ListOptions, now: number): string {
  const shown = chooseContainers(all, options);
  const rows = shown.map((it) => rowOf(it, options.noTrunc, now));
  if (options.quiet === true) return rows.map((it) => `${it.ID}\n`).join("");
  return formatRows(rows, titles, options.format);
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

type Row = Readonly<
  Record<
    | "ID"
    | "Image"
    | "Command"
    | "CreatedAt"
    | "RunningFor"
    | "State"
    | "Status"
    | "Ports"
    | "Names"
    | "Labels"
    | "Mounts"
    | "Networks",
    string
  >
>;

function rowOf(pod: Pod, noTrunc: boolean, now: number): Row {
  const created = pod.metadata?.creationTimestamp ?? "";
  const command = JSON.stringify(commandOf(pod).join(" "));
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
    Labels: Object.entries(labelsOf(pod))
      .map(([name, value]) => `${name}=${value}`)
      .join(","),
    Mounts: mountsText(pod),
    Networks: networkNames(pod).join(","),
  };
}

/** As Docker calls it. */
export function stateWord(pod: Pod): string {
  const { kind } = containerStateOf(pod);
  if (kind === "running" && isPaused(pod)) return "paused";
  return kind === "failed" ? "created" : kind;
}

/** As the user wrote it. */
export function imageOf(pod: Pod): string {
  return pod.metadata?.annotations?.[imageAnnotation] ?? pod.spec?.containers[0]?.image ?? "";
}

/** All words of what runs, as far as they are known. */
export function commandOf(pod: Pod): readonly string[] {
  const { command, args } = pod.spec?.containers[0] ?? {};
  const known = pod.metadata?.annotations?.[imageCommandAnnotation];
  const image = known === undefined ? [] : (JSON.parse(known) as readonly string[]);
  return command === undefined && args === undefined
    ? image
    : [...(command ?? []), ...(args ?? [])];
}

export function labelsOf(pod: Pod): Readonly<Record<string, string>> {
  const text = pod.metadata?.annotations?.[labelsAnnotation] ?? "{}";
  return JSON.parse(text) as Readonly<Record<string, string>>;
}

export function networkNames(pod: Pod): string[] {
  if (pod.spec?.hostNetwork === true) return ["host"];
  const own = Object.keys(pod.metadata?.labels ?? {})
    .filter((it) => it.startsWith(networkLabelPrefix))
    .map((it) => it.slice(networkLabelPrefix.length));
  return own.length === 0 ? ["bridge"] : own;
}

/** `0.0.0.0:8080->80/tcp, 443/tcp`. */
export function portsText(pod: Pod): string {
  const ports = pod.spec?.containers[0]?.ports ?? [];
  return ports
    .map(({ hostIP, hostPort, containerPort, protocol }) => {
      const own = `${containerPort}/${(protocol ?? "TCP").toLowerCase()}`;
      return hostPort === undefined ? own : `${hostIP ?? "0.0.0.0"}:${hostPort}->${own}`;
    })
    .join(", ");
}

function mountsText(pod: Pod): string {
  const volumes = pod.spec?.volumes ?? [];
  return volumes
    .map((it) => it.persistentVolumeClaim?.claimName ?? it.hostPath?.path ?? "")
    .filter((it) => it !== "")
    .join(",");
}

/** Those that are listed. @throws {UsageError} */
export function chooseContainers(all: readonly Pod[], options: ListOptions): readonly Pod[] {
  const filters = options.filter.map(filterOf);
  const saysStatus = options.filter.some(
    (it) => it.startsWith("status=") || it.startsWith("exited="),
  );
  const some = options.last === undefined ? all : all.slice(0, options.last);
  const wantsAll = options.all === true || options.last !== undefined || saysStatus;
  return some.filter(
    (pod) =>
      (wantsAll || ["running", "restarting"].includes(containerStateOf(pod).kind)) &&
      passes(pod, filters),
  );
}

interface Filter {
  readonly key: string;
  readonly value: string;
}

const tests: Readonly<Record<string, (pod: Pod, value: string) => boolean>> = {
  id: (pod, value) => idOf(pod).startsWith(value),
  name: (pod, value) => nameOf(pod).includes(value.replace(/^[/^]+/, "").replace(/\$$/, "")),
  label: hasLabel,
  status: (pod, value) => stateWord(pod) === value,
  exited: (pod, value) => {
    const state = containerStateOf(pod);
    return state.kind === "exited" && String(state.code) === value;
  },
  ancestor: (pod, value) => [value, `${value}:latest`].includes(imageOf(pod)),
  volume: (pod, value) => mountsText(pod).split(",").includes(value),
  network: (pod, value) => networkNames(pod).includes(value),
  publish: (pod, value) => portsText(pod).includes(`:${value.replace(/\/\w+$/, "")}->`),
  health: (pod, value) => (healthState(pod) ?? "none") === value,
};

function filterOf(text: string): Filter {
  const [, key = "", value = ""] = /^([^=]+)=(.*)$/.exec(text) ?? [];
  if (tests[key] !== undefined) return { key, value };
  const known = Object.keys(tests).join(", ");
  throw new UsageError(`invalid filter '${text}': expected one of ${known}, with =`);
}

/** Of filters with one key any will do, but for labels, of which all must be there. */
function passes(pod: Pod, filters: readonly Filter[]): boolean {
  const keys = new Set(filters.map((it) => it.key));
  return [...keys].every((key) => {
    const found = filters.filter((it) => it.key === key).map((it) => tests[key]?.(pod, it.value));
    return key === "label" ? !found.includes(false) : found.includes(true);
  });
}

function hasLabel(pod: Pod, text: string): boolean {
  const labels = labelsOf(pod);
  const at = text.indexOf("=");
  return at < 0 ? text in labels : labels[text.slice(0, at)] === text.slice(at + 1);
}
