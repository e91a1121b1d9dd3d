import type { Json, JsonObject } from "#api/object.ts";
import { present } from "#base/present.ts";
import { mergeContentPart } from "./merge.ts";
import type { FileSource, NamedVolume, Network, Project } from "./model.ts";
import { resolvePath, type Place } from "./read-mounts.ts";
import { readService } from "./read-service.ts";
import { Reading } from "./reading.ts";

/** What one file says, besides what it includes. */
export type FileContent = Omit<Project, "name">;

export const emptyContent: FileContent = {
  services: {},
  volumes: {},
  networks: {},
  configs: {},
  secrets: {},
};

/** The parts of one file in long forms. @throws {ComposeError} at the place of a fault. */
export function readContent(content: JsonObject, place: Place): FileContent {
  const at = (key: string): Reading => new Reading(content[key], key);
  return present<FileContent>({
    ...new Reading(content, "").extensions(),
    services: named(at("services"), (it) => readService(it, place)),
    volumes: named(at("volumes"), readVolume),
    networks: named(at("networks"), readNetwork),
    configs: named(at("configs"), (it) => readSource(it, place)),
    secrets: named(at("secrets"), (it) => readSource(it, place)),
    models: at("models").isAbsent ? undefined : (at("models").mapping() as Record<string, Json>),
  });
}

/** Two files, the later of which wins. */
export function mergeContents(earlier: FileContent, later: FileContent): FileContent {
  return mergeContentPart(earlier, later, "");
}

function named<T>(at: Reading, read: (it: Reading) => T): Record<string, T> {
  return Object.fromEntries(at.entries().map(([name, it]) => [name, read(it)] as const));
}

function readVolume(at: Reading): NamedVolume {
  return present<NamedVolume>({ ...at.extensions(), ...ofDriver(at) });
}

function readNetwork(at: Reading): Network {
  return present<Network>({
    ...at.extensions(),
    ...ofDriver(at),
    internal: at.at("internal").flag(),
    attachable: at.at("attachable").flag(),
    enable_ipv4: at.at("enable_ipv4").flag(),
    enable_ipv6: at.at("enable_ipv6").flag(),
    ipam: at.at("ipam").isAbsent ? undefined : at.at("ipam").mapping(),
  });
}

function readSource(at: Reading, place: Place): FileSource {
  const file = at.at("file").text();
  return present<FileSource>({
    ...at.extensions(),
    ...ofDriver(at),
    file: file === undefined ? undefined : resolvePath(file, place),
    environment: at.at("environment").text(),
    content: at.at("content").text(),
    template_driver: at.at("template_driver").text(),
  });
}

function ofDriver(at: Reading): NamedVolume {
  return {
    external: readExternal(at),
    name: nameOf(at),
    driver: at.at("driver").text(),
    driver_opts: at.at("driver_opts").labels(),
    labels: at.at("labels").labels(),
  };
}

/** `external: true`, or the old form with a name. */
function readExternal(at: Reading): boolean | undefined {
  const external = at.at("external");
  // The name says that it is there already.
  return typeof external.value === "object" ? true : external.flag();
}

function nameOf(at: Reading): string | undefined {
  return at.at("name").text() ?? at.at("external").at("name").text();
}
