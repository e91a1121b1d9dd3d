import { isIP } from "node:net";
import { isJsonObject } from "#api/object.ts";
import { present } from "#base/present.ts";
import type { Port } from "./model.ts";
import { Reading } from "./reading.ts";

const portMax = 65_535;
/** Ports that one entry may stand for. */
const rangeMax = 1_000;
const protocols = ["tcp", "udp", "sctp"] as const;
const shortPattern =
  /^(?:(?:(?<host>.+):)?(?<published>[\d-]*):)?(?<target>[\d-]+)(?:\/(?<protocol>[a-z]+))?$/i;

/** The short form `[[host:]published:]target[/protocol]` with ranges, and the long one. */
export function readPorts(at: Reading): Port[] {
  return at.list().flatMap((it) => (isJsonObject(it.value) ? readLong(it) : readShort(it)));
}

/** The first of the ports that it may be published as; undefined: any free one. */
export function publishedPort({ published }: Port): number | undefined {
  return published === undefined ? undefined : Number.parseInt(published, 10);
}

/** `80`, `53/udp`, `8000-8010`: as they are written. */
export function readExpose(at: Reading): string[] {
  return at.list().map((it) => {
    const text = it.needed();
    const [range = "", protocol = "tcp"] = text.split("/");
    protocolOf(it, protocol);
    readRange(it, range);
    return text;
  });
}

/** Each port of `80`, `53/udp`, `8000-8010`. */
export function exposedPorts(
  expose: readonly string[],
): readonly { readonly port: number; readonly protocol: Port["protocol"] }[] {
  return expose.flatMap((text) => {
    const [range = "", protocol] = text.split("/");
    const it = new Reading(text, "expose");
    const known = protocol === undefined ? "tcp" : protocolOf(it, protocol);
    return readRange(it, range).map((port) => ({ port, protocol: known }));
  });
}

function protocolOf(at: Reading, text: string): Port["protocol"] {
  const found = protocols.find((it) => it === text.toLowerCase());
  if (found === undefined) {
    throw at.fail(`unknown protocol '${text}'; expected ${protocols.join(", ")}`);
  }
  return found;
}

function readLong(at: Reading): Port[] {
  const target = at.at("target").number();
  if (target === undefined) throw at.fail("missing property 'target'");
  if (!isPort(target)) throw at.at("target").fail(`invalid port '${target}'`);
  const published = at.at("published").text();
  const isGiven = published !== undefined && published !== "" && published !== "0";
  if (isGiven) readRange(at.at("published"), published);
  const port: Port = {
    mode: at.at("mode").oneOf(["ingress", "host"]) ?? "ingress",
    host_ip: hostOf(at.at("host_ip"), at.at("host_ip").text()),
    target,
    published: isGiven ? published : undefined,
    protocol: protocolOf(at.at("protocol"), at.at("protocol").text() ?? "tcp"),
    name: at.at("name").text(),
    app_protocol: at.at("app_protocol").text(),
  };
  return [present(port)];
}

function readShort(at: Reading): Port[] {
  const text = at.needed();
  const groups = shortPattern.exec(text)?.groups;
  if (groups === undefined) {
    throw at.fail(`invalid port '${text}'; expected [[HOST:]PUBLISHED:]TARGET[/PROTOCOL]`);
  }
  const targets = readRange(at, groups["target"] ?? "");
  const range = groups["published"] === "" ? undefined : groups["published"];
  const published = range === undefined ? undefined : readRange(at, range);
  if (published !== undefined && published.length !== targets.length && targets.length > 1) {
    throw at.fail(`the ranges of '${text}' differ in length`);
  }
  const protocol = protocolOf(at, groups["protocol"] ?? "tcp");
  const host = hostOf(at, groups["host"]?.replace(/^\[(.*)\]$/, "$1"));
  return targets.map((target, index) => {
    const one = published?.length === targets.length ? String(published[index] ?? "") : range;
    const port: Port = { mode: "ingress", host_ip: host, target, published: one, protocol };
    return present(port);
  });
}

function hostOf(at: Reading, host: string | undefined): string | undefined {
  if (host !== undefined && host !== "" && isIP(host) === 0) {
    throw at.fail(`'${host}' is no address of this machine, such as 127.0.0.1`);
  }
  return host === "" ? undefined : host;
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
