import { Option, type Command } from "commander";
import { parsePort } from "#main/command-line/options.ts";

/** Where the REST API of workflows listens. */
export interface WorkflowApiOptions {
  /** 0: nowhere. */
  readonly apiPort: number;
  readonly apiHost: string;
  /** Files in PEM; both or none. */
  readonly apiTlsCert?: string;
  readonly apiTlsKey?: string;
}

/** Adds the definitions of {@link WorkflowApiOptions}. */
export function apiOptions(command: Command, port: number): Command {
  return command
    .addOption(
      new Option("--api-port <number>", "port of the REST API; 0: none")
        .env("GANTRY_WORKFLOWS_API_PORT")
        .default(port)
        .argParser(parsePort),
    )
    .option("--api-host <address>", "address of the REST API", "127.0.0.1")
    .option("--api-tls-cert <file>", "certificate of the REST API, in PEM")
    .option("--api-tls-key <file>", "the certificate's key, in PEM");
}
