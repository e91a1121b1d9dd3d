import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { extract } from "tar-stream";

/** OCI image-spec `descriptor.md`, in the fields that are read here. */
interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

export interface StoredBlob {
  readonly sizeBytes: number;
  /** @param start first byte, for ranges. */
  read(start?: number): Readable;
}

/** Annotations that name an image in an index: containerd's and the specification's. */
const nameAnnotations = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];
/** A manifest or index is held in memory; the distribution specification suggests this bound. */
const manifestBytesMax = 4 * 1_048_576;
const digestPattern = /^sha256:[0-9a-f]{64}$/;
/** A registry, perhaps with a port, and a path; distribution `reference.go`. */
const repositoryPattern =
  /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?::[0-9]+)?(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+$/i;
const tagPattern = /^\w[\w.-]{0,127}$/;

/**
 * Images on disk: blobs by digest, and a file for each tag that holds its manifest's digest. A blob
 * gets its name when it is whole and verified, so a crash leaves nothing half-made.
 */
export class LayoutStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Takes in the tar of an OCI layout. Resolves with the names that its index gives.
   * @throws {Error} for a damaged archive, a blob that is not what its digest says, or no name.
   */
  async importArchive(tar: AsyncIterable<Uint8Array>): Promise<string[]> {
    let index = "";
    const parser = Readable.from(tar).pipe(extract());
    for await (const entry of parser) {
      const { name, type } = entry.header;
      const blob = /^(?:\.\/)?blobs\/sha256\/([0-9a-f]{64})$/.exec(name)?.[1];
      if (type === "file" && blob !== undefined)
        await this.#writeBlob(bytesOf(entry), `sha256:${blob}`);
      else if (name.replace(/^\.\//, "") === "index.json") index = await readSmall(bytesOf(entry));
      else entry.resume();
    }
    if (index === "") throw new Error("the archive has no index.json: it is not an OCI layout");
    const { manifests = [] } = JSON.parse(index) as { manifests?: readonly Descriptor[] };
    const names: string[] = [];
    for (const manifest of manifests) {
      const name = nameAnnotations
        .map((it) => manifest.annotations?.[it] ?? "")
        .find((it) => it.includes("/"));
      if (name === undefined) continue;
      await this.#tag(name, manifest.digest);
      names.push(name);
    }
    if (names.length === 0) throw new Error("the archive's index names no image");
    return names;
  }

  /**
   * The digest behind a tag or a digest; undefined when there is none or the text is no name.
   * @param repository with its registry: `docker.io/library/busybox`.
   */
  async resolve(repository: string, reference: string): Promise<string | undefined> {
    if (digestPattern.test(reference)) return reference;
    if (!repositoryPattern.test(repository) || !tagPattern.test(reference)) return undefined;
    try {
      return (await readFile(this.#tagPath(repository, reference), "utf8")).trim();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  async find(digest: string): Promise<StoredBlob | undefined> {
    if (!digestPattern.test(digest)) return undefined;
    const path = this.#blobPath(digest);
    try {
      const { size } = await stat(path);
      return { sizeBytes: size, read: (start = 0) => createReadStream(path, { start }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** The text of a manifest or an index, for its media type. */
  async readManifest(digest: string): Promise<string | undefined> {
    const blob = await this.find(digest);
    if (blob === undefined || blob.sizeBytes > manifestBytesMax) return undefined;
    return await readFile(this.#blobPath(digest), "utf8");
  }

  async #writeBlob(content: AsyncIterable<Uint8Array>, digest: string): Promise<void> {
    const path = this.#blobPath(digest);
    await mkdir(dirname(path), { recursive: true });
    const temporary = `${path}.new`;
    const hash = createHash("sha256");
    const file = await open(temporary, "w", 0o644);
    try {
      for await (const chunk of content) {
        hash.update(chunk);
        await file.write(chunk);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    const found = `sha256:${hash.digest("hex")}`;
    if (found !== digest) {
      await rm(temporary);
      throw new Error(`blob ${digest} has the content of ${found}: the archive is damaged`);
    }
    await rename(temporary, path);
  }

  async #tag(name: string, digest: string): Promise<void> {
    const [, repository = "", tag = ""] = /^(.+):([^:/]+)$/.exec(name) ?? [];
    if (!repositoryPattern.test(repository) || !tagPattern.test(tag)) {
      throw new Error(`'${name}' is no full image name, as docker.io/library/busybox:latest`);
    }
    const path = this.#tagPath(repository, tag);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(`${path}.new`, digest);
    await rename(`${path}.new`, path);
  }

  #blobPath(digest: string): string {
    return join(this.#directory, "blobs", "sha256", digest.slice("sha256:".length));
  }

  /** `+` is in no repository name, so two repositories never share a file. */
  #tagPath(repository: string, tag: string): string {
    return join(this.#directory, "tags", repository.replaceAll("/", "+"), tag);
  }
}

/** The library's type of an entry does not say what its chunks are. */
function bytesOf(entry: unknown): AsyncIterable<Uint8Array> {
  return entry as AsyncIterable<Uint8Array>;
}

async function readSmall(content: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    if (bytes > manifestBytesMax) throw new Error("the archive's index.json is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
