import { readFileSync } from "node:fs";
import { Option, type Command } from "commander";
import type { Broker } from "#workflows/broker/broker.ts";

/** What the command line says about the queues of the Celery executor. */
export interface BrokerOptions {
  /** A Redis address without a password. */
  readonly broker?: string;
  readonly brokerPasswordFile?: string;
  /** Files in PEM. */
  readonly brokerTlsCa?: string;
  readonly brokerTlsCert?: string;
  readonly brokerTlsKey?: string;
}

/** Where an address may hold a password: other users see no process's environment. */
export const brokerVariable = "AIRFLOW__CELERY__BROKER_URL";

export function addBrokerOptions(command: Command): Command {
  const file = (flags: string, description: string, variable: string): Option =>
    new Option(flags, description).env(`AIRFLOW__CELERY__${variable}`);
  return command
    .option(
      "--broker <address>",
      `queues in Redis: redis://host:6379/0 or rediss://…; with its password in ${brokerVariable}. In the database if unset`,
    )
    .option("--broker-password-file <file>", "the password of the broker")
    .addOption(file("--broker-tls-ca <file>", "who signs the broker's certificate", "SSL_CACERT"))
    .addOption(file("--broker-tls-cert <file>", "certificate for the broker to see", "SSL_CERT"))
    .addOption(file("--broker-tls-key <file>", "its key", "SSL_KEY"));
}

/**
 * The broker that is named; undefined where none is. @param name of this process, for the broker's own
 * list. @throws {Error} for an address that cannot be one, or shows a password to every user.
 */
export async function openNamedBroker(
  options: BrokerOptions,
  name: string,
): Promise<Broker | undefined> {
  const text = options.broker ?? process.env[brokerVariable] ?? "";
  if (text === "") return undefined;
  // Loaded where it is wanted: it is larger than the rest of a worker.
  const { parseRedisAddress } = await import("#workflows/broker/redis-address.ts");
  const { RedisBroker } = await import("#workflows/broker/redis-broker.ts");
  const address = parseRedisAddress(text);
  if (options.broker !== undefined && address.password !== undefined) {
    throw new Error(
      `--broker names a password, which every user of this machine can see: put the address into ${brokerVariable}, or the password into a file for --broker-password-file`,
    );
  }
  const { brokerPasswordFile, brokerTlsCa, brokerTlsCert, brokerTlsKey } = options;
  const password = contentOf(brokerPasswordFile)?.trimEnd() ?? address.password;
  const tls = {
    ca: contentOf(brokerTlsCa),
    cert: contentOf(brokerTlsCert),
    key: contentOf(brokerTlsKey),
  };
  return new RedisBroker({ address: { ...address, password }, tls, name });
}

function contentOf(file: string | undefined): string | undefined {
  return file === undefined ? undefined : readFileSync(file, "utf8");
}
