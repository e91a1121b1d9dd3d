import { silentLogger } from "#base/log.ts";
import { systemClock } from "#base/clock.ts";
import type { ApiServer } from "#apiserver/server.ts";
import { openHttpFront } from "#apiserver/http/front.ts";
import { TlsTransport } from "#client/tls-transport.ts";
import type { loopbackCertificates } from "./loopback-certificates.ts";

/** An API server on a port of loopback, over TLS. */
export interface TestFront extends AsyncDisposable {
  readonly port: number;
  /** A transport to it, to be disposed by the caller. */
  connect(): TlsTransport;
}

/** @param port 0 for any; a former one to come back at the same place. */
export async function openTestFront(
  api: ApiServer,
  certificates: Awaited<ReturnType<typeof loopbackCertificates>>,
  port = 0,
): Promise<TestFront> {
  const { authority, server, client } = certificates;
  const front = await openHttpFront({
    tls: { key: server.key, cert: server.certificate, clientCa: authority.certificate },
    host: "127.0.0.1",
    port,
    handler: api.handler,
    upgrade: api.upgrade,
    clock: systemClock,
    log: silentLogger,
  });
  return {
    port: front.port,
    connect: () =>
      new TlsTransport({
        server: `https://127.0.0.1:${front.port}`,
        certificateAuthority: authority.certificate,
        clientCertificate: client.certificate,
        clientKey: client.key,
        userAgent: "gantry/test",
        clock: systemClock,
      }),
    [Symbol.asyncDispose]: () => front[Symbol.asyncDispose](),
  };
}
