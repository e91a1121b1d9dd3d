import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { MetricRegistry } from "#base/metrics/registry.ts";
import { systemRandom } from "#base/random.ts";
import { Client } from "#client/client.ts";
import { Informers } from "#client/informers.ts";
import { TlsTransport } from "#client/tls-transport.ts";
import { runClusterDns } from "#dns/cluster-dns.ts";

/*
 * The cluster's DNS as a node runs it, in a process of its own: it has its services from the API
 * server whose files are in the folder. Arguments: folder, port of the API server, address of the
 * server for other names. Prints its own port once it answers.
 */

const [folder = "", port = "", forwardTo = ""] = process.argv.slice(2);
const transport = new TlsTransport({
  server: `https://127.0.0.1:${port}`,
  certificateAuthority: readFileSync(join(folder, "ca.crt"), "utf8"),
  clientCertificate: readFileSync(join(folder, "client.crt"), "utf8"),
  clientKey: readFileSync(join(folder, "client.key"), "utf8"),
  userAgent: "bench-dns",
  clock: systemClock,
});
const world = { clock: systemClock, random: systemRandom, log: silentLogger };
const informers = new Informers({ client: new Client(transport), ...world, freeze: false });
await runClusterDns(
  {
    informers,
    domain: "cluster.local",
    serviceAddress: "10.96.0.10",
    address: "127.0.0.1",
    ranges: ["10.96.0.0/16", "10.244.0.0/16"],
    servers: [forwardTo],
    table: "bench",
    // Nobody is redirected here; the rules name the port that it got.
    applyRules: (rules) => {
      console.log(/dnat ip to 127\.0\.0\.1:(\d+)/.exec(rules)?.[1] ?? "");
      return Promise.resolve();
    },
    metrics: new MetricRegistry(),
    ...world,
  },
  new AbortController().signal,
);
