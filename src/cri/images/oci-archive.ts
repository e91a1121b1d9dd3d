import { createHash } from "node:crypto";
import { type Header, pack, type Pack } from "tar-stream";
import { type Descriptor, mediaTypes } from "./archive.ts";

/** An image with one layer; everything in it is held in memory. */
export interface SmallImage {
  /** Full, with a tag. */
  readonly name: string;
  /** As in Go: `amd64`, `arm64`. */
  readonly architecture: string;
  /** Go into the image's config: OCI image-spec `config.md`. */
  readonly config: {
    readonly Entrypoint?: readonly string[];
    readonly Cmd?: readonly string[];
    readonly Env: readonly string[];
    readonly WorkingDir: string;
    /** `1234` or a name; root when undefined. */
    readonly User?: string;
  };
  readonly files: readonly LayerFile[];
}

export type LayerFile =
  | { readonly type: "directory"; readonly name: string; readonly mode: number }
  | {
      readonly type: "file";
      readonly name: string;
      readonly mode: number;
      readonly content: Uint8Array;
    }
  | { readonly type: "symlink"; readonly name: string; readonly to: string };

/** Same bytes for the same input on every machine and day. */
const epoch = new Date(0);

/** The image as the tar of an OCI layout (image-spec `image-layout.md`). */
export async function* ociArchive(image: SmallImage): AsyncGenerator<Uint8Array, void, undefined> {
  const layer = Buffer.concat(await collect(packLayer(image.files)));
  const config = json({
    architecture: image.architecture,
    os: "linux",
    created: epoch.toISOString(),
    config: image.config,
    rootfs: { type: "layers", diff_ids: [digest(layer)] },
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: descriptor(mediaTypes.config, config),
    layers: [descriptor(mediaTypes.layer, layer)],
  });
  const index = json({
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: [
      {
        ...descriptor(mediaTypes.manifest, manifest),
        annotations: { "io.containerd.image.name": image.name },
      },
    ],
  });
  const tar = pack();
  addFile(tar, "oci-layout", json({ imageLayoutVersion: "1.0.0" }));
  for (const blob of [layer, config, manifest]) {
    addFile(tar, `blobs/sha256/${digest(blob).slice("sha256:".length)}`, blob);
  }
  addFile(tar, "index.json", index);
  tar.finalize();
  yield* bytesOf(tar);
}

function packLayer(files: readonly LayerFile[]): AsyncGenerator<Uint8Array> {
  const tar = pack();
  for (const file of files) {
    const owner = { uid: 0, gid: 0, mtime: epoch };
    if (file.type === "file") {
      const header = { ...owner, name: file.name, mode: file.mode, size: file.content.length };
      tar.entry(header, file.content);
    } else if (file.type === "directory") {
      tar.entry({ ...owner, type: "directory", name: file.name, mode: file.mode });
    } else {
      tar.entry({ ...owner, type: "symlink", name: file.name, linkname: file.to, mode: 0o777 });
    }
  }
  tar.finalize();
  return bytesOf(tar);
}

function addFile(tar: Pack, name: string, content: Uint8Array): void {
  const header: Partial<Header> & { name: string } = {
    name,
    size: content.length,
    mode: 0o644,
    mtime: epoch,
  };
  tar.entry(header, content);
}

/** The tar writer's stream does not say what it carries. */
async function* bytesOf(tar: AsyncIterable<unknown>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of tar) {
    if (chunk instanceof Uint8Array) yield chunk;
  }
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return chunks;
}

function descriptor(mediaType: string, bytes: Uint8Array): Descriptor {
  return { mediaType, digest: digest(bytes), size: bytes.length };
}

function digest(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}
