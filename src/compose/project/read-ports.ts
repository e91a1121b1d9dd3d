import { isJsonObject } from "#api/object.ts";
import type { Port } from "./model.ts";
import type { Reading } from "./reading.ts";

const portMax = 65_535;
/** Ports that one entry may stand for. */
const rangeMax = 1_000;
const shortPattern =
  /^(?:(?:(?<host>\[[^\]]+\]|[^:[\]]+):)?(?<published>[\d-]*):)?(?<target>[\d-]+)(?:\/(?<protocol>tcp|udp))?$/;

/** The short form `[[host:]published:]target[/protocol]` with ranges, and the long one. */
export function readPorts(at: Reading): Port[] {
  return at.list().flatMap((it) => (isJsonObject(it.value) ? readLong(it) : readShort(it)));
}

export function readExpose(at: Reading): string[] {
  return at.list().flatMap((it) => {
    const [range = "", protocol] = it.needed().split("/");
    if (protocol !== undefined && !["tcp", "udp"].includes(protocol)) {
      throw it.fail(`unknown protocol '${protocol}'`);
    }
    const suffix = protocol === undefined ? "" : `/${protocol}`;
    return readRange(it, range).map((port) => `${port}${suffix}`);
  });
}

function readLong(at: Reading): Port[] {
  at.mapping(["target", "published", "protocol", "host_ip", "mode", "name", "app_protocol"]);
  const target = at.at("target").number();
  if (target === undefined || !isPort(target)) throw at.at("target").fail("must be a port");
  const published = at.at("published").text();
  const protocol = at.at("protocol").oneOf(["tcp", "udp"]) ?? "tcp";
  const mode = at.at("mode").oneOf(["ingress", "host"]) ?? "ingress";
  const hostIp = at.at("host_ip").text();
  const from = published === undefined ? [] : readRange(at.at("published"), published);
  return [portOf({ target, published: from[0], protocol, host: hostIp, mode })];
}

function readShort(at: Reading): Port[] {
  const text = at.needed();
  const groups = shortPattern.exec(text)?.groups;
  if (groups === undefined) {
    throw at.fail(`invalid port '${text}'; expected [[HOST:]PUBLISHED:]TARGET[/PROTOCOL]`);
  }
  const targets = readRange(at, groups["target"] ?? "");
  const published =
    groups["published"] === undefined || groups["published"] === ""
      ? undefined
      : readRange(at, groups["published"]);
  if (published !== undefined && published.length !== targets.length) {
    throw at.fail(`the ranges of '${text}' differ in length`);
  }
  const protocol = groups["protocol"] === "udp" ? "udp" : "tcp";
  const host = groups["host"]?.replace(/^\[(.*)\]$/, "$1");
  return targets.map((target, index) =>
    portOf({ target, published: published?.[index], protocol, host, mode: "ingress" }),
  );
}

function portOf(it: {
  readonly target: number;
  readonly published: number | undefined;
  readonly protocol: "tcp" | "udp";
  readonly host: string | undefined;
  readonly mode: "ingress" | "host";
}): Port {
  return {
    mode: it.mode,
    ...(it.host === undefined ? {} : { host_ip: it.host }),
    target: it.target,
    ...(it.published === undefined ? {} : { published: it.published }),
    protocol: it.protocol,
  };
}

function readRange(at: Reading, text: string): number[] {
  const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (!isPort(from) || !isPort(to) || to < from) throw at.fail(`invalid port '${text}'`);
  if (to - from >= rangeMax) throw at.fail(`more than ${rangeMax} ports: '${text}'`);
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

function isPort(number: number): boolean {
  return Number.isInteger(number) && number > 0 && number <= portMax;
}
