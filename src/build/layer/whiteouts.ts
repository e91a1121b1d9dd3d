/** How layers say that a file of a layer below is gone: OCI image-spec `layer.md`. */
export const whiteoutPrefix = ".wh.";
/** In a directory: nothing of the layers below is in it. */
export const opaqueName = ".wh..wh..opq";
/** Names that only storage drivers use, and that are no files. */
export const metadataPrefix = ".wh..wh.";
/** How overlayfs says the same of a directory. */
export const opaqueAttribute = "trusted.overlay.opaque";

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The empty text for the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}

export function joinPath(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}
