import { findQuantity } from "#api/quantity.ts";

/** How requests reach a service: HTTP/1.1, HTTP/2 without TLS (gRPC), or TLS. */
export type Protocol = "http" | "h2c" | "https";

/** What the annotations of an Ingress ask for. */
export interface IngressSettings {
  /** Answer plain HTTP with a redirect for hosts that have a certificate. */
  readonly redirect: boolean;
  /** Undefined: as the port's `appProtocol` says. */
  readonly protocol: Protocol | undefined;
  /** Milliseconds that a service may be silent; undefined for the usual. */
  readonly readMs: number | undefined;
  /** Milliseconds that an upgraded connection may be silent; undefined for the usual. */
  readonly tunnelMs: number | undefined;
  /** Bytes of a request's body; undefined for no limit. */
  readonly bodyBytesMax: number | undefined;
}

export interface ReadSettings {
  readonly settings: IngressSettings;
  /** A sentence for each annotation that is not understood; it counts as absent. */
  readonly faults: readonly string[];
}

export const annotationPrefix = "ingress.gantry.dev/";

const durationUnits = new Map([
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
]);
/** HAProxy counts milliseconds in 31 bits. */
const durationMsMax = 24 * 3_600_000;
/** What HAProxy compares lengths with has 63 bits, and a number of ours 53. */
const bodyBytesMax = 2 ** 50;
const protocols = new Map<string, Protocol>([
  ["HTTP", "http"],
  ["H2C", "h2c"],
  ["GRPC", "h2c"],
  ["HTTPS", "https"],
]);

/** Reads the annotations `ingress.gantry.dev/…`. */
export function readSettings(annotations: Readonly<Record<string, string>>): ReadSettings {
  const faults: string[] = [];
  function read<T>(
    name: string,
    expected: string,
    parse: (text: string) => T | undefined,
  ): T | undefined {
    const text = annotations[annotationPrefix + name];
    if (text === undefined) return undefined;
    const value = parse(text);
    if (value === undefined) {
      const quoted = JSON.stringify(text.slice(0, 40));
      faults.push(`annotation ${annotationPrefix}${name}: ${quoted} is not ${expected}`);
    }
    return value;
  }
  const isTrue = (text: string): boolean | undefined =>
    text === "true" ? true : text === "false" ? false : undefined;
  const settings = {
    redirect: read("ssl-redirect", '"true" or "false"', isTrue) ?? true,
    protocol: read("backend-protocol", "HTTP, HTTPS, H2C or GRPC", (text) =>
      protocols.get(text.toUpperCase()),
    ),
    readMs: read("read-timeout", "a duration from 1ms to 24h such as 90s", parseDuration),
    tunnelMs: read("tunnel-timeout", "a duration from 1ms to 24h such as 90s", parseDuration),
    bodyBytesMax: read("body-size-max", "a size such as 10Mi", parseSize),
  };
  return { settings, faults };
}

function parseDuration(text: string): number | undefined {
  const [, digits, unit = ""] = /^(\d{1,8})(ms|s|m|h)$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const milliseconds = Number(digits) * (durationUnits.get(unit) ?? 0);
  return milliseconds >= 1 && milliseconds <= durationMsMax ? milliseconds : undefined;
}

function parseSize(text: string): number | undefined {
  const bytes = findQuantity(text)?.value();
  return bytes !== undefined && bytes >= 0 && bytes <= bodyBytesMax ? bytes : undefined;
}

const portProtocols = new Map<string, Protocol>([
  ["kubernetes.io/h2c", "h2c"],
  ["grpc", "h2c"],
  ["h2c", "h2c"],
  ["https", "https"],
  ["kubernetes.io/wss", "https"],
]);

/** What a Service says of a port by `appProtocol`. Upstream: KEP-3726 and its older free forms. */
export function protocolOfPort(appProtocol: string | undefined): Protocol {
  return portProtocols.get(appProtocol?.toLowerCase() ?? "") ?? "http";
}
