/** Brings content from other registries into the store, so that it can be served from there. */
export interface Mirror {
  /**
   * Whose images a registry has that is nothing but a mirror: `docker.io`, which clients mean that
   * name no registry. Undefined: the registry has images of its own, and takes changes to them.
   */
  readonly domain: string | undefined;
  /**
   * Asks for a manifest. Resolves with it when the store cannot have it yet, as its layers are still
   * to come; with undefined when it is in the store, or the other registry has none such.
   */
  fetchManifest(
    repository: string,
    reference: string,
    signal: AbortSignal,
  ): Promise<MirroredManifest | undefined>;
  /** Brings a blob, once for all who ask at the same time. */
  fetchBlob(repository: string, digest: string, signal: AbortSignal): Promise<void>;
}

export interface MirroredManifest {
  readonly bytes: Buffer;
  readonly mediaType: string;
  readonly digest: string;
}
