import assert from "node:assert/strict";
import { test } from "node:test";
import { staleFlows } from "./flows.ts";

/** As the program prints it: from a client to `to`, answered by `by`. */
function flow(to: string, by: string): string {
  const [address = "", port = ""] = to.split(":");
  const [from = "", fromPort = ""] = by.split(":");
  const rest = `src=${from} dst=10.244.0.9 sport=${fromPort} dport=40000 mark=0 use=1`;
  return `udp      17 28 src=10.244.0.9 dst=${address} sport=40000 dport=${port} [UNREPLIED] ${rest}`;
}

const targets = [
  {
    port: 53,
    addresses: ["10.96.0.10", "5.5.5.5"],
    nodePort: 30053,
    endpoints: ["10.244.0.2:8053", "10.244.0.3:8053"],
  },
  { port: 54, addresses: ["10.96.0.11"], nodePort: 0, endpoints: [] },
];

const cases: [what: string, to: string, by: string, stale: boolean][] = [
  ["an endpoint answers", "10.96.0.10:53", "10.244.0.2:8053", false],
  ["a former endpoint answers", "10.96.0.10:53", "10.244.0.4:8053", true],
  ["it never was translated", "10.96.0.10:53", "10.96.0.10:53", true],
  ["an external address, a former endpoint", "5.5.5.5:53", "10.244.0.4:8053", true],
  ["the port of the endpoints has changed", "10.96.0.10:53", "10.244.0.2:9053", true],
  ["no endpoint is left", "10.96.0.11:54", "10.244.0.2:8053", false],
  ["another port", "10.96.0.10:54", "10.244.0.4:8053", false],
  ["a node port, an endpoint", "192.168.0.2:30053", "10.244.0.3:8053", false],
  ["a node port, a former endpoint", "192.168.0.2:30053", "10.244.0.4:8053", true],
  ["the number of a node port elsewhere", "8.8.8.8:30053", "8.8.8.8:53", false],
  ["nothing of ours", "8.8.8.8:53", "8.8.8.8:53", false],
];

for (const [what, to, by, stale] of cases) {
  test(`staleFlows: ${what} -> ${stale ? "stale" : "stays"}`, () => {
    const [destination = "", port] = to.split(":");
    const [answering = "", from] = by.split(":");
    const group = { destination, port: Number(port), answering, answeringPort: Number(from) };
    const want = stale ? [group] : [];
    const listing = [flow(to, by), flow(to, by), "", "tcp 6 src=1.1.1.1"].join("\n");
    assert.deepEqual(
      staleFlows(listing, targets, (it) => it === "192.168.0.2"),
      want,
    );
  });
}
