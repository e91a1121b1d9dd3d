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

/** @throws {InvalidArgumentError} which commander shows with the option's name. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new InvalidArgumentError("expected a port from 0 to 65535");
  }
  return port;
}
