import type { ContainerPort } from "#api/gen/types.ts";
import type { PublishedPort } from "#containers/flags/ports.ts";
import { present } from "#base/present.ts";
import { UsageError } from "#containers/usage-error.ts";

/** Where ports that any number will do for come from, as Docker's. */
const freeFrom = 32_768;
const freeTo = 60_999;

/**
 * The host port of each published port. `used` has `tcp/80` for every one that a pod holds; `first`,
 * from 0 to 1, says where to look for a free one first. A port that is asked for by its number is
 * taken even if it is used: the scheduler says who has it. @throws {UsageError} when none is free.
 */
export function planPorts(
  published: readonly PublishedPort[],
  used: ReadonlySet<string>,
  first: number,
): ContainerPort[] {
  const taken = new Set(used);
  return published.map((port) => {
    const hostPort = choose(port, taken, first);
    taken.add(`${port.protocol}/${hostPort}`);
    return present<ContainerPort>({
      containerPort: port.container,
      hostPort,
      hostIP: port.hostIp,
      protocol: port.protocol.toUpperCase(),
    });
  });
}

function choose(port: PublishedPort, taken: ReadonlySet<string>, first: number): number {
  const [only, ...others] = port.host ?? [];
  if (only !== undefined && others.length === 0) return only;
  const isFree = (it: number): boolean => !taken.has(`${port.protocol}/${it}`);
  const range = port.host ?? rotated(first);
  const found = range.find(isFree);
  if (found !== undefined) return found;
  const [from, to] = [range[0] ?? 0, range.at(-1) ?? 0];
  throw new UsageError(`no port of ${from}-${to} is free for ${port.container}/${port.protocol}`);
}

function rotated(first: number): number[] {
  const count = freeTo - freeFrom + 1;
  const start = Math.floor(first * count);
  return Array.from({ length: count }, (_, at) => freeFrom + ((start + at) % count));
}
