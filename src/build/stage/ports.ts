const protocols = new Set(["tcp", "udp", "sctp"]);
const portMax = 65_535;

/**
 * The ports that one word of EXPOSE names, as `80/tcp`. A host's address and port before it are
 * taken and mean nothing, as in Docker.
 * @throws {Error}
 */
export function parseExposed(word: string): string[] {
  const parts = word.split(":");
  const container = parts.at(-1) ?? "";
  const slash = container.indexOf("/");
  const range = slash === -1 ? container : container.slice(0, slash);
  const protocol = (slash === -1 ? "" : container.slice(slash + 1)).toLowerCase() || "tcp";
  if (range === "") throw new Error(`invalid port: "${word}": no port specified`);
  if (!protocols.has(protocol)) {
    throw new Error(`invalid port: "${word}": expected the protocol tcp, udp or sctp`);
  }
  const [first = "", last = first] = range.split(/-(.*)/s);
  const start = parsePort(first, word);
  const end = parsePort(last, word);
  if (end < start) throw new Error(`invalid port: "${word}": the range ends before it begins`);
  return Array.from({ length: end - start + 1 }, (_, index) => `${start + index}/${protocol}`);
}

function parsePort(text: string, word: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : NaN;
  if (port <= portMax) return port;
  throw new Error(`invalid port: "${word}": expected a number from 0 to ${portMax}`);
}
