import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { type Extract, extract } from "tar-stream";
import type { Clock } from "#base/clock.ts";
import { Images } from "#cri/gen/images_pb.ts";
import {
  type Descriptor,
  digestOfPath,
  dockerImages,
  gcLabels,
  mediaTypes,
  namedImages,
} from "#cri/images/archive.ts";
import { normalizeReference } from "#oci/reference.ts";
import { writeBlob } from "./content.ts";
import { isAlreadyExists } from "./errors.ts";
import type { CallOptions, GrpcConnection } from "./grpc.ts";
import { openLease } from "./lease.ts";

/** Blobs up to this size are looked into for links to others; manifests are some kilobytes. */
const jsonBytesMax = 4 * 1024 * 1024;
const entriesMax = 100_000;
/** After it a lease whose importer died lets go of its blobs. */
const leaseMs = 24 * 60 * 60 * 1000;

/**
 * Puts the images of a tar into containerd's image store by its own API (containerd 1.6 has no
 * transfer service), and resolves with their full names. A lease holds the blobs until the names do.
 * @throws {Error} when the tar is broken or names no image.
 */
export async function importArchive(
  { connection, clock }: { readonly connection: GrpcConnection; readonly clock: Clock },
  tar: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<string[]> {
  await using lease = await openLease({ connection, clock }, leaseMs, signal);
  const importing = new ArchiveImport(connection, { headers: lease.headers }, lease.id);
  await importing.read(tar, signal);
  return await importing.name(signal);
}

type Entry = Extract extends AsyncIterable<infer E> ? E : never;

interface StoredFile {
  readonly digest: string;
  readonly size: number;
}

class ArchiveImport {
  readonly #connection: GrpcConnection;
  readonly #options: CallOptions;
  readonly #lease: string;
  /** By path in the tar; `docker save` refers to files by path. */
  readonly #files = new Map<string, StoredFile>();
  readonly #links = new Map<string, string>();
  #index: unknown;
  #dockerManifest: unknown;
  #writes = 0;

  constructor(connection: GrpcConnection, options: CallOptions, lease: string) {
    this.#connection = connection;
    this.#options = options;
    this.#lease = lease;
  }

  async read(tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const entries: Extract = extract();
    const source = Readable.from(tar);
    source.on("error", (error) => {
      entries.destroy(error);
    });
    source.pipe(entries);
    try {
      for await (const entry of entries) {
        signal.throwIfAborted();
        if (this.#files.size + this.#links.size > entriesMax) {
          throw new Error(`image archive with more than ${entriesMax} entries`);
        }
        await this.#readEntry(entry, signal);
      }
    } finally {
      source.destroy();
    }
  }

  /** Gives the images their names; must follow `read`. */
  async name(signal: AbortSignal): Promise<string[]> {
    const images = [...namedImages(this.#index)];
    if (images.length === 0) images.push(...(await this.#dockerImages(signal)));
    if (images.length === 0) {
      throw new Error(
        "the archive names no image: expected an OCI layout whose index.json has " +
          "io.containerd.image.name annotations, or a tar made by 'docker save'",
      );
    }
    const names: string[] = [];
    for (const { name, target } of images) {
      const full = normalizeReference(name);
      await this.#createImage(full, target, signal);
      names.push(full);
    }
    return [...new Set(names)];
  }

  async #readEntry(entry: Entry, signal: AbortSignal): Promise<void> {
    const path = cleanPath(entry.header.name);
    const { type } = entry.header;
    if (type === "symlink" || type === "link") {
      const to = entry.header.linkname;
      this.#links.set(path, type === "link" ? cleanPath(to) : resolveLink(path, to));
      entry.resume();
    } else if (type !== "file") {
      entry.resume();
    } else if (path === "index.json" || path === "manifest.json") {
      const json: unknown = JSON.parse((await readAll(bytesOf(entry))).toString());
      if (path === "index.json") this.#index = json;
      else this.#dockerManifest = json;
    } else if (path !== "oci-layout" && path !== "repositories") {
      await this.#storeFile(path, entry, signal);
    }
  }

  async #storeFile(path: string, entry: Entry, signal: AbortSignal): Promise<void> {
    const size = entry.header.size;
    const digest = digestOfPath(path);
    let labels: Readonly<Record<string, string>> = {};
    let bytes = bytesOf(entry);
    if (size <= jsonBytesMax) {
      const content = await readAll(bytes);
      labels = gcLabels(parseJson(content));
      bytes = once(content);
    }
    this.#files.set(path, {
      digest: await this.#write({ size, digest, labels, bytes }, signal),
      size,
    });
  }

  async #write(
    blob: {
      readonly size: number;
      readonly digest: string | undefined;
      readonly labels: Readonly<Record<string, string>>;
      readonly bytes: AsyncIterable<Uint8Array>;
    },
    signal: AbortSignal,
  ): Promise<string> {
    const written = await writeBlob(
      this.#connection,
      {
        ref: `import-${this.#lease}-${this.#writes++}`,
        sizeBytes: blob.size,
        ...(blob.digest === undefined ? {} : { digest: blob.digest }),
        labels: blob.labels,
        bytes: blob.bytes,
      },
      this.#options,
      signal,
    );
    return blob.digest ?? written;
  }

  /** An archive of `docker save` has no manifest blob: we write one for each image. */
  async #dockerImages(signal: AbortSignal): Promise<{ name: string; target: Descriptor }[]> {
    const images: { name: string; target: Descriptor }[] = [];
    for (const image of dockerImages(this.#dockerManifest)) {
      const config = this.#file(image.configPath);
      const manifest = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: mediaTypes.manifest,
          config: { mediaType: mediaTypes.config, ...config },
          layers: image.layerPaths.map((path) => ({
            mediaType: mediaTypes.layer,
            ...this.#file(path),
          })),
        }),
      );
      const digest = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
      const labels = gcLabels(parseJson(manifest));
      await this.#write({ size: manifest.length, digest, labels, bytes: once(manifest) }, signal);
      const target = { mediaType: mediaTypes.manifest, digest, size: manifest.length };
      images.push(...image.tags.map((name) => ({ name, target })));
    }
    return images;
  }

  #file(path: string): StoredFile {
    let at = cleanPath(path);
    // A chain of links is short; a circle ends here too.
    for (let hops = 0; hops < 8 && !this.#files.has(at); hops++) at = this.#links.get(at) ?? at;
    const file = this.#files.get(at);
    if (file === undefined) throw new Error(`the image archive has no file '${path}'`);
    return file;
  }

  async #createImage(name: string, target: Descriptor, signal: AbortSignal): Promise<void> {
    const image = {
      name,
      labels: {},
      target: { mediaType: target.mediaType, digest: target.digest, size: BigInt(target.size) },
    };
    try {
      await this.#connection.unary(Images.method.create, { image }, this.#options, signal);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      await this.#connection.unary(Images.method.update, { image }, this.#options, signal);
    }
  }
}

/** The tar reader's streams do not say what they carry. */
async function* bytesOf(entry: Entry): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of entry) {
    if (chunk instanceof Uint8Array) yield chunk;
  }
}

async function readAll(entry: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of entry) {
    size += chunk.length;
    if (size > jsonBytesMax) throw new Error(`image archive: JSON file over ${jsonBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

/** `undefined` for what is no JSON: a small layer, for instance. */
function parseJson(bytes: Buffer): unknown {
  if (bytes[0] !== 0x7b) return undefined;
  try {
    return JSON.parse(bytes.toString());
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function cleanPath(path: string): string {
  return path.replace(/^(\.?\/)+/, "");
}

function resolveLink(from: string, to: string): string {
  return new URL(to, `file:///${from}`).pathname.slice(1);
}
