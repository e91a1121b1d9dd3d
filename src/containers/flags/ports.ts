import { UsageError } from "#containers/usage-error.ts";

export interface PublishedPort {
  readonly protocol: "tcp" | "udp";
  readonly container: number;
  /** Any free one of these; undefined: any at all. */
  readonly host: readonly number[] | undefined;
  /** Undefined: every address of the node. */
  readonly hostIp: string | undefined;
}

const portMax = 65_535;
/** Ports that one flag may stand for. */
const rangeMax = 1_000;
const pattern =
  /^(?:(?:(?<ip>\[[^\]]+\]|[\d.]+):)?(?<host>[\d-]*):)?(?<container>[\d-]+)(?:\/(?<protocol>\w+))?$/;

/** `[[IP:][HOST]:]CONTAINER[/PROTOCOL]`, with ranges. @throws {UsageError} */
export function parsePublish(text: string): PublishedPort[] {
  const groups = pattern.exec(text)?.groups;
  if (groups === undefined) {
    throw new UsageError(
      `invalid publish option '${text}': expected [[IP:][HOST]:]CONTAINER[/tcp|/udp]`,
    );
  }
  const { ip, host = "", container = "", protocol } = groups;
  const containers = parseRange(container, text);
  const hosts = host === "" || host === "0" ? undefined : parseRange(host, text);
  const common = { protocol: protocolOf(protocol, text), hostIp: addressOf(ip) };
  const [only] = containers;
  if (hosts !== undefined && containers.length === 1 && only !== undefined) {
    return [{ ...common, container: only, host: hosts }];
  }
  if (hosts !== undefined && hosts.length !== containers.length) {
    throw new UsageError(`invalid publish option '${text}': the ranges differ in length`);
  }
  return containers.map((port, at) => ({
    ...common,
    container: port,
    host: hosts === undefined ? undefined : [hosts[at] ?? port],
  }));
}

function protocolOf(text = "tcp", whole = text): PublishedPort["protocol"] {
  if (text === "tcp" || text === "udp") return text;
  throw new UsageError(`invalid port '${whole}': the protocol is tcp or udp, not '${text}'`);
}

/** Undefined for every address. */
function addressOf(text: string | undefined): string | undefined {
  const address = text?.replace(/^\[(.*)\]$/, "$1");
  return address === "0.0.0.0" || address === "::" ? undefined : address;
}

/** `80`, `80/udp`, `8000-8010/tcp` of `--expose` and of images. @throws {UsageError} */
export function parseExpose(text: string): Pick<PublishedPort, "container" | "protocol">[] {
  const [range = "", protocol] = text.split("/");
  const known = protocolOf(protocol, text);
  return parseRange(range, text).map((container) => ({ container, protocol: known }));
}

function parseRange(range: string, text: string): number[] {
  const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
  const [from, to] = [Number(first), Number(last)];
  const isPort = (it: number): boolean => Number.isInteger(it) && it > 0 && it <= portMax;
  if (!isPort(from) || !isPort(to) || to < from) {
    throw new UsageError(`invalid port '${range}' in '${text}': expected 1 to ${portMax}`);
  }
  if (to - from >= rangeMax) throw new UsageError(`more than ${rangeMax} ports: '${text}'`);
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}
