import { InvalidArgumentError } from "commander";

/** What every command that finds or makes an installation takes. */
export interface Where {
  readonly dataDir: string;
}

export interface UpOptions extends Where {
  readonly host: string;
  readonly port: number;
  readonly runtime: "containerd" | "simulated";
  readonly nodeName: string | undefined;
  /** See `open-store.ts`; undefined for the embedded store. */
  readonly store: string | undefined;
  /** False: never run apt-get, name the command instead. */
  readonly install: boolean;
}

/** A control plane without a node. */
export interface ServerOptions extends Where {
  readonly host: string;
  readonly port: number;
  readonly store: string | undefined;
  /** Where the authority's files are; `pki` in the data directory when undefined. */
  readonly pkiDir: string | undefined;
}

/** A node without a control plane. */
export interface AgentOptions extends Where {
  readonly server: string;
  /** `id.secret`; needed at first start only, as is `caHash`. */
  readonly token: string | undefined;
  readonly caHash: string | undefined;
  readonly nodeName: string | undefined;
  readonly runtime: "containerd" | "simulated";
  readonly podCidr: string;
  readonly install: boolean;
}

/** @throws {InvalidArgumentError} which commander shows with the option's name. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new InvalidArgumentError("expected a port from 0 to 65535");
  }
  return port;
}

/** A range of pod addresses. @throws {InvalidArgumentError} */
export function parsePodCidr(text: string): string {
  const [, second, third, length] = /^10\.(\d+)\.(\d+)\.0\/(\d+)$/.exec(text) ?? [];
  if (second === "244" && Number(third) <= 255 && Number(length) === 24) return text;
  throw new InvalidArgumentError("expected 10.244.N.0/24");
}
