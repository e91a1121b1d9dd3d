import { isStatus } from "#api/status.ts";
import type { Client } from "#client/client.ts";
import { persistentVolumeClaims, persistentVolumes } from "#client/kinds.ts";
import type { StorageObjects } from "#kubelet/ports.ts";

/** Claims and volumes over the API. */
export function storageObjects(client: Client): StorageObjects {
  return {
    claim: (at, signal) => orUndefined(client.get(persistentVolumeClaims, at, signal)),
    volume: (name, signal) => orUndefined(client.get(persistentVolumes, { name }, signal)),
  };
}

async function orUndefined<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}
