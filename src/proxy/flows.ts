/** Where a UDP port of a service or of a pod is reached, and who may answer; for flows that outlive a change. */
export interface FlowTarget {
  readonly port: number;
  readonly addresses: readonly string[];
  /** 0: none. */
  readonly nodePort: number;
  /** Address and port of the endpoints that answer, those that are ending too. */
  readonly endpoints: readonly string[];
}

/** Flows of one client side that have one answering side, however many they are. */
export interface FlowGroup {
  /** Address and port that clients sent to. */
  readonly destination: string;
  readonly port: number;
  /** Who answers, and from which port. */
  readonly answering: string;
  readonly answeringPort: number;
}

/** Both directions of a flow, as `conntrack -L` prints them, the client's first. */
const pattern = /^udp .*?\bdst=(\S+) .*?\bdport=(\d+) .*?\bsrc=(\S+) .*?\bsport=(\d+) /;

/**
 * The UDP flows that go elsewhere than their target does now: the kernel keeps a flow on the way
 * that its first packet took, and clients of UDP never open a new one. Upstream:
 * `pkg/proxy/conntrack/cleanup.go`.
 *
 * @param listing what `conntrack -L -p udp` printed.
 * @param isLocal whether an address is one of the node, where its node ports are open.
 */
export function staleFlows(
  listing: string,
  targets: Iterable<FlowTarget>,
  isLocal: (address: string) => boolean,
): FlowGroup[] {
  const byAddress = new Map<string, readonly string[]>();
  const byNodePort = new Map<number, readonly string[]>();
  for (const { addresses, port, nodePort, endpoints } of targets) {
    // As upstream: with nobody else to go to, flows stay, though readiness may come and go.
    if (endpoints.length === 0) continue;
    for (const it of addresses) byAddress.set(`${it}:${port}`, endpoints);
    if (nodePort !== 0) byNodePort.set(nodePort, endpoints);
  }
  const stale = new Map<string, FlowGroup>();
  for (const line of listing.split("\n")) {
    const [found, destination = "", portText, answering = "", fromText] = pattern.exec(line) ?? [];
    if (found === undefined) continue;
    const port = Number(portText);
    const onNode = isLocal(destination) ? byNodePort.get(port) : undefined;
    const endpoints = byAddress.get(`${destination}:${port}`) ?? onNode;
    const from = `${answering}:${fromText ?? ""}`;
    if (endpoints === undefined || endpoints.includes(from)) continue;
    const group = { destination, port, answering, answeringPort: Number(fromText) };
    stale.set(`${destination} ${port} ${from}`, group);
  }
  return [...stale.values()];
}
