import { recordTtl, type ClusterZone } from "./zone.ts";
import type { Answer, ResourceRecord } from "./wire/answer.ts";
import { recordType, responseCode } from "./wire/codes.ts";

/** What the zone says of a question; `forward` when it is somebody else's name. */
export type ZoneAnswer = Answer | "forward";

const typeNames = new Map<number, string>(
  Object.entries(recordType).map(([name, value]) => [value, name]),
);

/**
 * Answers from the zone. @param name as asked, without the dot at its end.
 * @param isOurs whether an address is of the cluster: what has no name there has none elsewhere.
 */
export function answerFromZone(
  zone: ClusterZone,
  { name, type }: { readonly name: string; readonly type: number },
  isOurs: (address: string) => boolean,
): ZoneAnswer {
  const lower = name.toLowerCase();
  const address = reversedAddress(lower);
  if (address !== undefined) {
    const found = zone.reverse(name, address);
    if (found === undefined && !isOurs(address)) return "forward";
    return answerOf(zone, found, type);
  }
  if (lower !== zone.domain && !lower.endsWith(`.${zone.domain}`)) return "forward";
  const below = lower.slice(0, Math.max(0, lower.length - zone.domain.length - 1));
  return answerOf(zone, zone.find(name, below === "" ? [] : below.split(".")), type);
}

function answerOf(
  zone: ClusterZone,
  found: readonly ResourceRecord[] | undefined,
  type: number,
): Answer {
  const wanted = typeNames.get(type);
  const answers = (found ?? []).filter(
    ({ data }) => type === recordType.ANY || data.type === wanted || data.type === "CNAME",
  );
  return {
    code: found === undefined ? responseCode.nameError : responseCode.noError,
    isAuthoritative: true,
    answers,
    authority: answers.length === 0 ? [startOfAuthority(zone.domain)] : [],
    additional: answers.flatMap(({ data }) =>
      data.type === "SRV" ? addressesOf(zone, data.target) : [],
    ),
  };
}

/** With SRV records come the addresses of their targets. */
function addressesOf(zone: ClusterZone, target: string): ResourceRecord[] {
  const labels = target.slice(0, target.length - zone.domain.length - 1).split(".");
  const found = zone.find(target, labels) ?? [];
  return found.filter(({ data }) => data.type === "A" || data.type === "AAAA");
}

/** Says how long it may be remembered that there is nothing. */
function startOfAuthority(domain: string): ResourceRecord {
  const data = {
    type: "SOA",
    primary: `ns.dns.${domain}`,
    mailbox: `hostmaster.${domain}`,
  } as const;
  return { name: domain, ttl: recordTtl, data: { ...data, ttl: recordTtl } };
}

const nibblesOfIpv6 = 32;

/** The address of a name below `in-addr.arpa` or `ip6.arpa`; undefined for other names. */
export function reversedAddress(name: string): string | undefined {
  if (name.endsWith(".in-addr.arpa")) {
    const parts = name.slice(0, -".in-addr.arpa".length).split(".");
    const isAddress = parts.length === 4 && parts.every((it) => /^\d{1,3}$/.test(it));
    return isAddress ? parts.toReversed().join(".") : undefined;
  }
  if (!name.endsWith(".ip6.arpa")) return undefined;
  const nibbles = name.slice(0, -".ip6.arpa".length).split(".").toReversed();
  if (nibbles.length !== nibblesOfIpv6) return undefined;
  return nibbles.join("").match(/.{4}/g)?.join(":");
}
