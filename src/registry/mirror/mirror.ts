/** Brings content from another registry into the store, so that it can be served from there. */
export interface Mirror {
  /** Brings a manifest. Resolves when it is in the store, or the other registry has none such. */
  fetchManifest(repository: string, reference: string, signal: AbortSignal): Promise<void>;
  /** Brings a blob, once for all who ask at the same time. */
  fetchBlob(repository: string, digest: string, signal: AbortSignal): Promise<void>;
}
