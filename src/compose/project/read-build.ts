import { isJsonObject } from "#api/object.ts";
import { present } from "#base/present.ts";
import type { Build } from "./model.ts";
import { hostTexts } from "./read-hosts.ts";
import { readFileMount, resolvePath, type Place } from "./read-mounts.ts";
import type { Reading } from "./reading.ts";
import { bytes } from "./units.ts";

/** A build section: its context alone, or all of it. Undefined when absent. */
export function readBuild(at: Reading, place: Place): Build | undefined {
  if (at.isAbsent) return undefined;
  if (!isJsonObject(at.value)) return { context: contextOf(at.needed(), place) };
  return present<Build>({
    ...at.extensions(),
    context: at.at("context").isAbsent ? undefined : contextOf(at.at("context").needed(), place),
    dockerfile: at.at("dockerfile").text(),
    dockerfile_inline: at.at("dockerfile_inline").text(),
    args: at.at("args").pairs(),
    target: at.at("target").text(),
    labels: at.at("labels").labels(),
    no_cache: at.at("no_cache").flag(),
    no_cache_filter: at.at("no_cache_filter").texts(),
    pull: at.at("pull").flag(),
    network: at.at("network").text(),
    tags: at.at("tags").texts(),
    platforms: at.at("platforms").texts(),
    secrets: at.at("secrets").listOf(readFileMount),
    ssh: at.at("ssh").pairTexts(),
    additional_contexts: contextsOf(at.at("additional_contexts"), place),
    extra_hosts: hostTexts(at.at("extra_hosts")),
    cache_from: at.at("cache_from").texts(),
    cache_to: at.at("cache_to").texts(),
    entitlements: at.at("entitlements").texts(),
    isolation: at.at("isolation").text(),
    privileged: at.at("privileged").flag(),
    provenance: at.at("provenance").text(),
    sbom: at.at("sbom").text(),
    shm_size: bytes(at.at("shm_size")),
    ulimits: at.at("ulimits").value,
  });
}

function contextsOf(at: Reading, place: Place): Build["additional_contexts"] {
  const pairs = at.labels();
  if (pairs === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(pairs).map(([name, it]) => [name, contextOf(it, place)]),
  );
}

/** A directory, the URL of a repository or of an archive, or `service:name`. */
function contextOf(text: string, place: Place): string {
  return /^([a-z+-]+:\/\/|git@|service:)/.test(text) ? text : resolvePath(text, place);
}
