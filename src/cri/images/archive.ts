/** What an image archive (tar of an OCI layout or of `docker save`) says, decoded from its JSON. */

/** A pointer to a blob: OCI image-spec `descriptor.md`. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const mediaTypes = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
} as const;

/** An image of `docker save`'s `manifest.json`; the paths are entries of the tar. */
export interface DockerImage {
  readonly configPath: string;
  readonly tags: readonly string[];
  readonly layerPaths: readonly string[];
}

/**
 * containerd's garbage collector follows these labels of a blob: a manifest's to its config and
 * layers, an index's to its manifests. Empty for a blob that points to nothing.
 * containerd `images/handlers.go`.
 */
export function gcLabels(json: unknown): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  if (!isRecord(json)) return labels;
  if (isRecord(json["config"]) && typeof json["config"]["digest"] === "string") {
    labels["containerd.io/gc.ref.content.config"] = json["config"]["digest"];
  }
  descriptors(json["layers"]).forEach((it, index) => {
    labels[`containerd.io/gc.ref.content.l.${index}`] = it.digest;
  });
  descriptors(json["manifests"]).forEach((it, index) => {
    labels[`containerd.io/gc.ref.content.m.${index}`] = it.digest;
  });
  return labels;
}

/** The images that an OCI layout's `index.json` names; those without a name are left out. */
export function namedImages(index: unknown): { name: string; target: Descriptor }[] {
  const manifests = isRecord(index) ? descriptors(index["manifests"]) : [];
  return manifests.flatMap((target) => {
    const full = target.annotations?.["io.containerd.image.name"];
    // The OCI annotation may hold a bare tag, which names no image.
    const reference = target.annotations?.["org.opencontainers.image.ref.name"];
    const name =
      full ?? (reference !== undefined && /[/:]/.test(reference) ? reference : undefined);
    return name === undefined ? [] : [{ name, target }];
  });
}

/** Reads `manifest.json` of `docker save`. */
export function dockerImages(manifest: unknown): DockerImage[] {
  if (!Array.isArray(manifest)) return [];
  return manifest.filter(isRecord).flatMap((it) => {
    const { Config: configPath, RepoTags: tags, Layers: layerPaths } = it;
    if (typeof configPath !== "string" || !isStrings(layerPaths)) return [];
    return [{ configPath, tags: isStrings(tags) ? tags : [], layerPaths }];
  });
}

/** The digest that a path of an OCI layout stands for; `undefined` for other files. */
export function digestOfPath(path: string): string | undefined {
  const match = /^(?:\.\/)?blobs\/(sha256|sha512)\/([0-9a-f]{64,128})$/.exec(path);
  return match === null ? undefined : `${match[1] ?? ""}:${match[2] ?? ""}`;
}

function descriptors(value: unknown): Descriptor[] {
  return Array.isArray(value) ? value.filter(isDescriptor) : [];
}

function isDescriptor(value: unknown): value is Descriptor {
  return (
    isRecord(value) &&
    typeof value["mediaType"] === "string" &&
    typeof value["digest"] === "string" &&
    typeof value["size"] === "number"
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((it) => typeof it === "string");
}
