import type { InstanceKey } from "#workflows/state/instances.ts";
import type { ObjectSettings } from "./settings.ts";

/** Where the object with an output goes. @param name tells it from every other one of the instance. */
export function objectPath(settings: ObjectSettings, key: InstanceKey, name: string): string {
  const ending = settings.compression === undefined ? "json" : "json.gz";
  return `${folderOf(settings, key)}/${encodeURIComponent(name)}.${ending}`;
}

/**
 * Whether an object may be one of this instance. Workers say where they have put them, and what is
 * said so is read and deleted later.
 */
export function isOwnObject(settings: ObjectSettings, key: InstanceKey, path: string): boolean {
  const folder = `${folderOf(settings, key)}/`;
  return path.startsWith(folder) && /^[\w%-]+\.json(\.gz)?$/.test(path.slice(folder.length));
}

function folderOf({ path }: ObjectSettings, { dagId, runId, taskId }: InstanceKey): string {
  return [path, ...[dagId, runId, taskId].map(part)].join("/");
}

/** Ids are one part of the path each, and none that leads elsewhere. */
function part(id: string): string {
  return encodeURIComponent(id).replace(/^\.+$/, (dots) => dots.replaceAll(".", "%2E"));
}
