import type { Clock } from "#base/clock.ts";
import { Content } from "#cri/gen/content_pb.ts";
import { Diff } from "#cri/gen/diff_pb.ts";
import { Images } from "#cri/gen/images_pb.ts";
import { Snapshots } from "#cri/gen/snapshots_pb.ts";
import type { Descriptor } from "#cri/images/archive.ts";
import { chainIds, parseDiffIds, parseManifest, type ImageLayers } from "#cri/images/layers.ts";
import { RuntimeError, type FileSystemMount } from "#cri/runtime.ts";
import { isAlreadyExists, isNotFound, toRuntimeError } from "./errors.ts";
import type { CallOptions, GrpcConnection } from "./grpc.ts";
import { openLease } from "./lease.ts";
import { namespaceHeader, snapshotter } from "./namespace.ts";

/** A manifest or config is some kilobytes. */
const jsonBytesMax = 4 * 1024 * 1024;
/** After it a lease whose holder died lets go. */
const leaseMs = 60 * 60 * 1000;
const callMsMax = 10 * 60 * 1000;
/** An index that names an index goes no deeper. */
const indexDepthMax = 4;

/**
 * Images as read-only file systems, by containerd's own services: CRI mounts images only since
 * containerd 2.1. A view is a snapshot that containerd's garbage collector leaves alone.
 */
export class ImageViews {
  readonly #connection: GrpcConnection;
  readonly #clock: Clock;

  constructor(connection: GrpcConnection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  /** @throws {RuntimeError} */
  async view(imageId: string, key: string, signal: AbortSignal): Promise<FileSystemMount> {
    try {
      const { mounts } = await this.#snapshot(imageId, key, signal);
      const [mount] = mounts;
      if (mount === undefined) throw new RuntimeError("other", `image ${imageId} has no files`);
      return { type: mount.type, source: mount.source, options: mount.options };
    } catch (error) {
      throw toRuntimeError(`show the files of image ${imageId}`, "image", error);
    }
  }

  async release(key: string, signal: AbortSignal): Promise<void> {
    try {
      const { method } = Snapshots;
      await this.#connection.unary(method.remove, { snapshotter, key }, this.#bound(), signal);
    } catch (error) {
      if (!isNotFound(error)) throw toRuntimeError(`release ${key}`, "runtime", error);
    }
  }

  async #snapshot(
    imageId: string,
    key: string,
    signal: AbortSignal,
  ): Promise<{ readonly mounts: readonly FileSystemMount[] }> {
    const { method } = Snapshots;
    const at = { connection: this.#connection, clock: this.#clock };
    await using lease = await openLease(at, leaseMs, signal);
    const bound = this.#bound();
    const leased = { ...bound, headers: lease.headers };
    try {
      const parent = await this.#unpack(imageId, leased, signal);
      const labels = { "containerd.io/gc.root": new Date(this.#clock.now()).toISOString() };
      const request = { snapshotter, key, parent, labels };
      return await this.#connection.unary(method.view, request, leased, signal);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      return await this.#connection.unary(method.mounts, { snapshotter, key }, bound, signal);
    }
  }

  /** Sees to it that every layer is a snapshot; resolves with the name of the topmost. */
  async #unpack(imageId: string, options: CallOptions, signal: AbortSignal): Promise<string> {
    const { layers, diffIds } = await this.#layersOf(imageId, options, signal);
    if (layers.length !== diffIds.length) {
      throw new RuntimeError("other", `image ${imageId} is not an image of files`);
    }
    const chain = chainIds(diffIds);
    for (const [index, name] of chain.entries()) {
      const layer = layers[index];
      const parent = index === 0 ? "" : (chain[index - 1] ?? "");
      if (layer === undefined || (await this.#has(name, options, signal))) continue;
      await this.#apply({ name, parent, layer }, options, signal);
    }
    return chain.at(-1) ?? "";
  }

  async #has(key: string, options: CallOptions, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#connection.unary(Snapshots.method.stat, { snapshotter, key }, options, signal);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async #apply(
    {
      name,
      parent,
      layer,
    }: { readonly name: string; readonly parent: string; readonly layer: Descriptor },
    options: CallOptions,
    signal: AbortSignal,
  ): Promise<void> {
    const { method } = Snapshots;
    const key = `gantry-unpack-${name}`;
    const labels = { "containerd.io/snapshot.ref": name };
    // What an attempt that was cut short left may be half unpacked.
    await this.release(key, signal);
    const prepared = await this.#connection.unary(
      method.prepare,
      { snapshotter, key, parent, labels },
      options,
      signal,
    );
    const { mediaType, digest, size } = layer;
    const diff = { mediaType, digest, size: BigInt(size) };
    const { mounts } = prepared;
    const plain = mounts.map(({ type, source, target, options: flags }) => ({
      type,
      source,
      target,
      options: flags,
    }));
    try {
      await this.#connection.unary(Diff.method.apply, { diff, mounts: plain }, options, signal);
      await this.#connection.unary(
        method.commit,
        { snapshotter, name, key, labels },
        options,
        signal,
      );
    } catch (error) {
      await this.release(key, signal).catch(() => undefined); // The failure itself is told.
      if (!isAlreadyExists(error)) throw error;
    }
  }

  async #layersOf(
    imageId: string,
    options: CallOptions,
    signal: AbortSignal,
  ): Promise<ImageLayers> {
    const { image } = await this.#connection.unary(
      Images.method.get,
      { name: imageId },
      options,
      signal,
    );
    let digest = image?.target?.digest ?? "";
    for (let depth = 0; depth < indexDepthMax; depth++) {
      const manifest = parseManifest(await this.#json(digest, options, signal), process.arch);
      if (manifest.kind === "manifest") {
        const config = await this.#json(manifest.config, options, signal);
        return { layers: manifest.layers, diffIds: parseDiffIds(config) };
      }
      digest = manifest.manifest;
    }
    throw new RuntimeError("other", `the index of image ${imageId} is nested too deeply`);
  }

  async #json(digest: string, options: CallOptions, signal: AbortSignal): Promise<unknown> {
    const { method } = Content;
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const { data } of this.#connection.serverStream(
      method.read,
      { digest },
      options,
      signal,
    )) {
      bytes += data.length;
      if (bytes > jsonBytesMax) throw new RuntimeError("other", `blob ${digest} is no manifest`);
      chunks.push(data);
    }
    return JSON.parse(Buffer.concat(chunks).toString());
  }

  #bound(): { readonly deadlineMs: number; readonly headers: Readonly<Record<string, string>> } {
    return { deadlineMs: this.#clock.now() + callMsMax, headers: namespaceHeader };
  }
}
