import { isIP } from "node:net";
import { InvalidArgumentError } from "commander";
import type { LimitOptions } from "./limits.ts";
import type { Where } from "#main/command-line/options.ts";

/** What `gantry build` was told, as commander gives it. */
export interface BuildCommandOptions extends Where, LimitOptions {
  readonly tag: readonly string[];
  readonly file: string | undefined;
  readonly buildArg: readonly string[];
  readonly label: readonly string[];
  readonly secret: readonly string[];
  readonly ssh: readonly string[];
  readonly target: string | undefined;
  /** False for --no-cache. */
  readonly cache: boolean;
  /** Of --no-cache-filter: stages of which every step is run. */
  readonly cacheFilter: readonly string[];
  readonly cacheFrom: readonly string[];
  readonly cacheTo: readonly string[];
  readonly pull: boolean;
  readonly platform: string | undefined;
  readonly network: "host" | "none";
  readonly allow: readonly string[];
  readonly output: readonly string[];
  readonly progress: "auto" | "plain" | "tty" | "quiet";
  readonly quiet: boolean;
  readonly iidfile: string | undefined;
  readonly metadataFile: string | undefined;
  readonly push: boolean;
  readonly buildContext: readonly string[];
  readonly addHost: readonly string[];
  readonly cacheSize: number;
  readonly check: boolean;
  /** What is asked of the Dockerfile: `check` is --check, `targets` its stages. */
  readonly call: "build" | "check" | "targets";
  readonly annotation: readonly string[];
  /** Attestations: `false` is the one value that is taken. */
  readonly provenance: string;
  readonly sbom: string;
}

/** Bytes of steps that are kept for later builds. */
const defaultCacheBytes = 20 * 2 ** 30;

/** What `gantry build` does when it is told nothing. */
export const plainBuild: Omit<BuildCommandOptions, "dataDir" | "tag"> = {
  file: undefined,
  buildArg: [],
  label: [],
  secret: [],
  ssh: [],
  target: undefined,
  cache: true,
  cacheFilter: [],
  cacheFrom: [],
  cacheTo: [],
  pull: false,
  platform: undefined,
  network: "host",
  allow: [],
  output: [],
  progress: "auto",
  quiet: false,
  iidfile: undefined,
  metadataFile: undefined,
  push: false,
  buildContext: [],
  addHost: [],
  cacheSize: defaultCacheBytes,
  check: false,
  call: "build",
  annotation: [],
  provenance: "false",
  sbom: "false",
  ulimit: [],
};

/** Where a build's result goes. */
export interface Output {
  readonly type: "image" | "registry" | "oci" | "docker" | "local" | "tar";
  /** A path, `-` for standard output; the empty text for what needs none. */
  readonly destination: string;
  /** A layout as a directory, not as an archive: `tar=false`. */
  readonly unpacked: boolean;
}

const outputTypes: readonly Output["type"][] = [
  "image",
  "registry",
  "oci",
  "docker",
  "local",
  "tar",
];

/** `type=oci,dest=file`, `type=oci,dest=directory,tar=false`, or a directory, or `-`. @throws {Error} */
export function parseOutput(text: string): Output {
  if (!text.includes("=")) {
    const type = text === "-" ? "tar" : "local";
    return { type, destination: text, unpacked: false };
  }
  const fields = parseFields(text, "output");
  const type = outputTypes.find((it) => it === fields.get("type"));
  if (type === undefined) {
    throw new Error(`--output ${text}: expected type= one of ${outputTypes.join(", ")}`);
  }
  const destination = fields.get("dest") ?? "";
  const needsDestination =
    type === "oci" || type === "local" || type === "tar" || type === "docker";
  if (needsDestination && destination === "") {
    throw new Error(`--output ${text}: expected dest= with a path`);
  }
  const unpacked = fields.get("tar") === "false";
  if (unpacked && type !== "oci" && type !== "docker") {
    throw new Error(`--output ${text}: tar=false is for type=oci and type=docker`);
  }
  return { type, destination, unpacked };
}

/** Where a secret's content is from. */
export interface SecretSource {
  readonly id: string;
  readonly file: string | undefined;
  readonly variable: string | undefined;
}

/** `id=key,src=file` or `id=key,env=VARIABLE`. @throws {Error} */
export function parseSecret(text: string): SecretSource {
  const fields = parseFields(text, "secret");
  const id = fields.get("id") ?? "";
  if (id === "") throw new Error(`--secret ${text}: expected id=`);
  const file = fields.get("src") ?? fields.get("source");
  const variable = fields.get("env");
  const isVariable = variable !== undefined || fields.get("type") === "env";
  if (isVariable) return { id, file: undefined, variable: variable ?? file ?? id };
  return { id, file: file ?? id, variable: undefined };
}

/** `default` or `id=socket`; undefined socket: that of the user's agent. @throws {Error} */
export function parseSsh(text: string): {
  readonly id: string;
  readonly socket: string | undefined;
} {
  const at = text.indexOf("=");
  if (at === -1) return { id: text, socket: undefined };
  return { id: text.slice(0, at), socket: text.slice(at + 1) };
}

/** `name=address` or `name:address` as a line of `/etc/hosts`. @throws {Error} */
export function parseHost(text: string): string {
  const [, name = "", address = ""] = /^([^=:]+)[=:](.+)$/.exec(text) ?? [];
  const plain = address.replace(/^\[(.*)\]$/, "$1");
  // RUN has the machine's own network.
  const known = plain === "host-gateway" ? "127.0.0.1" : plain;
  if (isIP(known) !== 0 && !/\s/.test(name)) return `${known}\t${name}`;
  throw new Error(`--add-host ${text}: expected host=address`);
}

/** `name=source`. @throws {Error} */
export function parseBuildContext(text: string): {
  readonly name: string;
  readonly source: string;
} {
  const [, name = "", source = ""] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name === "") {
    throw new Error(`--build-context ${text}: expected name=directory or name=docker-image://…`);
  }
  return { name, source };
}

/** `name=value` pairs; a name alone takes its value from the environment, or is left out. */
export function parsePairs(
  texts: readonly string[],
  environment: (name: string) => string | undefined,
): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const text of texts) {
    const at = text.indexOf("=");
    const name = at === -1 ? text : text.slice(0, at);
    const value = at === -1 ? environment(text) : text.slice(at + 1);
    if (value !== undefined) pairs.set(name, value);
  }
  return pairs;
}

/** `key=value` or `manifest:key=value`. @throws {Error} for annotations of what is not made. */
export function parseAnnotations(texts: readonly string[]): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const text of texts) {
    const [, level = "manifest", name = "", value = ""] =
      /^(?:([a-z,-]+)(?:\[[^\]]*\])?:)?([^=]+)=([\s\S]*)$/.exec(text) ?? [];
    if (name === "") throw new Error(`--annotation ${text}: expected key=value`);
    if (level !== "manifest") {
      throw new Error(
        `--annotation ${text}: images have a manifest and no index: expected manifest:`,
      );
    }
    pairs.set(name, value);
  }
  return pairs;
}

/** Of --provenance and --sbom. @throws {Error} for anything that asks for attestations. */
export function refuseAttestation(flag: "provenance" | "sbom", value: string): void {
  if (value === "false" || value === "disabled=true") return;
  throw new Error(`--${flag}=${value}: attestations are not made: expected --${flag}=false`);
}

/** `name=value` pairs behind commas. @throws {Error} naming the flag. */
export function parseFields(text: string, flag: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const field of text.split(",")) {
    const at = field.indexOf("=");
    if (at === -1) throw new Error(`--${flag} ${text}: '${field}' must be a key=value pair`);
    fields.set(field.slice(0, at).trim().toLowerCase(), field.slice(at + 1));
  }
  return fields;
}

const units: Readonly<Record<string, number>> = {
  "": 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
};

/** Bytes of `10g`. @throws {InvalidArgumentError} which commander shows with the option's name. */
export function parseBytes(text: string): number {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)([kmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  if (number === "") throw new InvalidArgumentError("expected a size such as 10g");
  return Math.floor(Number(number) * (units[unit.toLowerCase()] ?? 1));
}

/** SOURCE_DATE_EPOCH. @throws {Error} */
export function parseEpoch(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  if (/^\d{1,11}$/.test(text)) return Number(text);
  throw new Error(`SOURCE_DATE_EPOCH is '${text}': expected seconds since 1970`);
}
