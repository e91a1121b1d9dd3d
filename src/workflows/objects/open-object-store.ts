import { FileObjects } from "./file-objects.ts";
import type { ObjectPorts, ObjectStore } from "./object-store.ts";
import { s3Place } from "./s3-place.ts";
import { S3Objects } from "./s3-objects.ts";

/** Opens the store that a path is in. @throws {Error} when nobody says how to log in to it. */
export async function openObjectStore(path: string, ports: ObjectPorts): Promise<ObjectStore> {
  if (path.startsWith("file://")) return new FileObjects();
  const { connectionId, isNamed } = s3Place(path);
  const connection = await ports.connection(connectionId);
  if (connection === undefined && isNamed) {
    throw new Error(`connection ${connectionId} of ${path} is not set`);
  }
  return new S3Objects(connection, ports);
}
