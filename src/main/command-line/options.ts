import { resolve } from "node:path";
import { InvalidArgumentError, Option } from "commander";
import type { IngressPorts } from "#main/network/node-ingress.ts";
import type { MirroredRegistry } from "./mirror-options.ts";
import { logLevels, type LogLevel } from "#base/log.ts";
import { defaultDataDirectory } from "#main/process/paths.ts";
import type { WorkflowUpOptions } from "./workflow-up-options.ts";
import { parseDuration } from "#kubelet/settings/duration.ts";

/** Nodes of one machine; each takes some 150 MB. */
const nodesMax = 20;

/** What every command that finds or makes an installation takes. */
export interface Where {
  readonly dataDir: string;
}

/** The definition of {@link Where}. Mounts and other processes need the path from the root. */
export function dataDirOption(): Option {
  return new Option("--data-dir <path>", "where everything is kept")
    .env("GANTRY_DATA_DIR")
    .argParser(resolvePath)
    .default(defaultDataDirectory);
}

/** For commander, which gives the value before as a second argument. */
export function resolvePath(path: string): string {
  return resolve(path);
}

/** What every command that runs for long takes. */
export interface LogOptions {
  readonly logLevel: LogLevel;
}

/** The definition of {@link LogOptions}. */
export function logLevelOption(): Option {
  const text = "least level of what is logged; debug: every request, reconcile and action";
  return new Option("--log-level <level>", text)
    .choices(logLevels)
    .env("GANTRY_LOG_LEVEL")
    .default("info");
}

/** What commands take that run an API server; names as upstream's. */
export interface AuditOptions {
  /** Undefined: no log is kept. */
  readonly auditLogPath: string | undefined;
  /** MiB of one file. */
  readonly auditLogMaxsize: number;
  /** Older files; 0: all. */
  readonly auditLogMaxbackup: number;
  /** Days that older files stay; 0: for ever. */
  readonly auditLogMaxage: number;
  /** Undefined: see `defaultPolicy`. */
  readonly auditPolicyFile: string | undefined;
}

export interface DownOptions extends Where {
  /** Pods end before the system does. */
  readonly drain: boolean;
}

export interface UpOptions
  extends Where, IngressPorts, LogOptions, AuditOptions, WorkflowUpOptions {
  readonly host: string;
  readonly port: number;
  readonly runtime: "containerd" | "simulated";
  readonly nodeName: string | undefined;
  /** See `open-store.ts`; undefined for the embedded store. */
  readonly store: string | undefined;
  /** `30s`: how long pods may take to end with the machine; undefined: as kubelet.yaml says. */
  readonly shutdownGrace: string | undefined;
  /** 0: no registry. */
  readonly registryPort: number;
  readonly registryMirror: readonly MirroredRegistry[];
  /** Nodes of this machine; undefined for as many as there were last. */
  readonly nodes: number | undefined;
  /** False: never run apt-get, name the command instead. */
  readonly install: boolean;
}

/** A control plane without a node. */
export interface ServerOptions extends Where, LogOptions, AuditOptions {
  readonly host: string;
  readonly port: number;
  readonly store: string | undefined;
  /** 0: no registry. */
  readonly registryPort: number;
  readonly registryMirror: readonly MirroredRegistry[];
  /** Where the authority's files are; `pki` in the data directory when undefined. */
  readonly pkiDir: string | undefined;
}

/** A node without a control plane. */
export interface AgentOptions extends Where, IngressPorts, LogOptions {
  readonly server: string;
  /** `id.secret`; needed at first start only, as is `caHash`. */
  readonly token: string | undefined;
  readonly caHash: string | undefined;
  readonly nodeName: string | undefined;
  readonly runtime: "containerd" | "simulated";
  /** A file with the token, which others cannot read in the list of processes. */
  readonly tokenFile: string | undefined;
  /** Images of this machine that stand in for a registry; undefined for none. */
  readonly imageStore: string | undefined;
  /** The control plane's registry is asked for images at this port; 0: it is not. */
  readonly registryPort: number;
  readonly install: boolean;
}

/** Definitions of the options of nodes that serve Ingresses. */
export const ingressHttpPort = portOption("http", 80);
export const ingressHttpsPort = portOption("https", 443);

function portOption(
  scheme: string,
  port: number,
): [flags: string, description: string, parse: (text: string) => number, value: number] {
  const description = `port of the nodes for Ingresses over ${scheme}; 0: none`;
  return [`--ingress-${scheme}-port <number>`, description, parsePort, port];
}

/** The same as arguments, for programs that this one starts. */
export function ingressArguments(ports: IngressPorts): string[] {
  const { ingressHttpPort: http, ingressHttpsPort: https } = ports;
  return ["--ingress-http-port", String(http), "--ingress-https-port", String(https)];
}

/** Port of the installation's image registry. */
export const registryPort: [string, string, (text: string) => number, number] = [
  "--registry-port <number>",
  "port of the image registry, on loopback and for the nodes; 0: none",
  parsePort,
  5_000,
];

/** A duration such as `1m30s`. @throws {InvalidArgumentError} */
export function checkDuration(text: string): string {
  if (parseDuration(text) !== undefined) return text;
  throw new InvalidArgumentError("expected a duration such as 1m30s");
}

/** @throws {InvalidArgumentError} which commander shows with the option's name. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new InvalidArgumentError("expected a port from 0 to 65535");
  }
  return port;
}

/** @throws {InvalidArgumentError} */
export function parseNodeCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= nodesMax) return count;
  throw new InvalidArgumentError(`expected a number from 1 to ${nodesMax}`);
}
