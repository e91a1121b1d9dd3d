import { hostname } from "node:os";
import { systemClock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { TaskGroup } from "#base/task-group.ts";
import type { ImageStore } from "#images/store/image-store.ts";
import type { Authority } from "#pki/authority.ts";
import { writeFileAtomically, type CertificatePair } from "#pki/files.ts";
import { keepRenewed } from "#pki/renewal.ts";
import { clusterOrganizations, CredentialGate } from "#registry/auth/gate.ts";
import { UsersFile } from "#registry/auth/users-file.ts";
import type { Mirror } from "#registry/mirror/mirror.ts";
import { openRegistryServer, type Listener, type RegistryServer } from "#registry/server.ts";
import { collectRegularly } from "./open-images.ts";
import type { Paths } from "#main/process/paths.ts";
import { ownNames, registryPortFile, usersFileOf } from "./registry-names.ts";

export interface ClusterRegistryOptions {
  readonly paths: Paths;
  /** 0: no registry. */
  readonly registryPort: number;
  /** At which nodes reach it; see `registryAddresses`. */
  readonly addresses: readonly string[];
  readonly store: ImageStore;
  /** Where images come from that the store has not; undefined: from nowhere. */
  readonly mirror: Mirror | undefined;
  readonly authority: Authority;
  readonly log: Logger;
}

/**
 * The registry of an installation: on loopback without TLS, where everybody may pull, and for the
 * other machines with the cluster's authority, where its nodes may. Pushing takes a password, or an
 * administrator's certificate. Undefined without a port, and when another program has it.
 */
export async function openClusterRegistry(
  options: ClusterRegistryOptions,
  tasks: TaskGroup,
): Promise<RegistryServer | undefined> {
  const { store, log, registryPort: port, addresses } = options;
  tasks.start(async (stop) => {
    await collectRegularly(store, log, stop);
  });
  if (port === 0) return undefined;
  const certificates = registryCertificates(options);
  const pair = await certificates.load();
  let server: RegistryServer;
  try {
    server = await openRegistryServer({
      store,
      listeners: listenersOf(options, pair),
      mirror: options.mirror,
      isOwnName: ownNames(port, addresses),
      clock: systemClock,
      log,
    });
  } catch (error) {
    log.error("no registry", { error: error as Error });
    return undefined;
  }
  await writeFileAtomically(registryPortFile(options.paths), `${port}\n`, 0o644);
  tasks.start(async (stop) => {
    const renewed = (next: CertificatePair): void => {
      server.renew(next);
    };
    await keepRenewed(pair, { ...certificates, renewed }, systemClock, stop);
  });
  return server;
}

function listenersOf(
  { paths, registryPort: port, addresses, authority }: ClusterRegistryOptions,
  pair: CertificatePair,
): readonly Listener[] {
  const users = new UsersFile(usersFileOf(paths));
  const gateOf = (anonymousPull: boolean): CredentialGate =>
    new CredentialGate({
      scheme: "token",
      users,
      anonymousPull,
      organizations: clusterOrganizations,
      clock: systemClock,
    });
  const tls = { ...pair, clientCa: authority.certificate };
  const gate = gateOf(false);
  return [
    { host: "127.0.0.1", port, gate: gateOf(true), tls: undefined },
    ...addresses.map((host) => ({ host, port, gate, tls })),
  ];
}

function registryCertificates({ authority, addresses, log }: ClusterRegistryOptions): {
  readonly load: () => Promise<CertificatePair>;
  readonly failed: (error: unknown) => void;
} {
  const hosts = [...new Set([...addresses, hostname().toLowerCase(), "localhost", "127.0.0.1"])];
  return {
    load: () => authority.serving("registry", "gantry-registry", hosts),
    failed: (error) => {
      log.error("certificate of the registry not renewed", { error: error as Error });
    },
  };
}
