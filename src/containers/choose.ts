import type { Pod } from "#api/gen/types.ts";
import { filterOf, hasLabel, matchesPattern, type FilterTests } from "#base/docker-filters.ts";
import { normalizeReference, ReferenceError } from "#oci/reference.ts";
import { chooseContainer, idOf, nameOf } from "./find.ts";
import { imageOf, labelsOf, mountNames, networkNames, stateWord } from "./facts.ts";
import { containerStateOf, healthState } from "./state.ts";
import { UsageError } from "./usage-error.ts";

export interface ChoiceOptions {
  readonly all?: boolean | undefined;
  /** As `--filter` has them. */
  readonly filter: readonly string[];
  /** So many, whether they run or not; undefined: all that `all` says. */
  readonly last?: number | undefined;
}

/** Those of all containers, the newest first, that `gantry ps` shows. @throws {FilterError} */
export function chooseContainers(all: readonly Pod[], options: ChoiceOptions): readonly Pod[] {
  const passes = filterOf(options.filter, testsAmong(all));
  const saysStatus = options.filter.some((it) => /^(status|exited)=/i.test(it));
  const wantsAll = options.all === true || options.last !== undefined || saysStatus;
  const shown = all.filter(
    (pod) =>
      (wantsAll || ["running", "restarting"].includes(containerStateOf(pod).kind)) && passes(pod),
  );
  return options.last === undefined ? shown : shown.slice(0, options.last);
}

const states = ["created", "restarting", "running", "removing", "paused", "exited", "dead"];
const healths = ["starting", "healthy", "unhealthy", "none"];

function testsAmong(all: readonly Pod[]): FilterTests<Pod> {
  const placeOf = (pod: Pod): number => all.indexOf(pod);
  return {
    ancestor: (pod, value) => isOf(pod, value),
    before: (pod, value) => placeOf(pod) > placeOf(named(all, value)),
    exited: (pod, value) => exitedWith(pod, value),
    expose: (pod, value) => hasPort(pod, value, false),
    health: (pod, value) => (healthState(pod) ?? "none") === oneOf("health", value, healths),
    id: (pod, value) => idOf(pod).startsWith(value),
    label: (pod, value) => hasLabel(labelsOf(pod), value),
    name: (pod, value) => ["", "/"].some((it) => matchesPattern(`${it}${nameOf(pod)}`, value)),
    network: (pod, value) => networkNames(pod).includes(value),
    publish: (pod, value) => hasPort(pod, value, true),
    since: (pod, value) => placeOf(pod) < placeOf(named(all, value)),
    status: (pod, value) => stateWord(pod) === oneOf("status", value, states),
    volume: (pod, value) =>
      mountNames(pod).includes(value) ||
      (pod.spec?.containers[0]?.volumeMounts ?? []).some((it) => it.mountPath === value),
  };
}

function named(all: readonly Pod[], text: string): Pod {
  const found = chooseContainer(all, text);
  if (found === undefined) throw new UsageError(`No such container: ${text}`);
  return found;
}

function oneOf(key: string, value: string, known: readonly string[]): string {
  if (known.includes(value)) return value;
  throw new UsageError(`invalid filter '${key}=${value}': expected one of ${known.join(", ")}`);
}

function exitedWith(pod: Pod, value: string): boolean {
  if (!/^-?\d+$/.test(value)) {
    throw new UsageError(`invalid filter 'exited=${value}': expected a number`);
  }
  const state = containerStateOf(pod);
  return state.kind === "exited" && state.code === Number(value);
}

/** By its image's name, or the beginning of its digest. */
function isOf(pod: Pod, value: string): boolean {
  const digest = pod.status?.containerStatuses?.[0]?.imageID.replace(/^.*sha256:/, "") ?? "";
  const digits = value.replace(/^sha256:/, "");
  if (/^[0-9a-f]{4,64}$/.test(digits) && digest.startsWith(digits)) return true;
  try {
    return normalizeReference(imageOf(pod)) === normalizeReference(value);
  } catch (error) {
    if (error instanceof ReferenceError) return false;
    throw error;
  }
}

/** `80`, `80-90`, `80/udp`: a port of the container, or that it is published at on the node. */
function hasPort(pod: Pod, value: string, isPublished: boolean): boolean {
  const [, first, last = first, protocol = "tcp"] =
    /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/.exec(value) ?? [];
  if (first === undefined) {
    throw new UsageError(`invalid filter: '${value}' is no port; expected 80, 80-90 or 80/udp`);
  }
  return (pod.spec?.containers[0]?.ports ?? []).some((it) => {
    const port = isPublished ? it.hostPort : it.containerPort;
    const isOfProtocol = (it.protocol ?? "TCP").toLowerCase() === protocol;
    return port !== undefined && isOfProtocol && port >= Number(first) && port <= Number(last);
  });
}
