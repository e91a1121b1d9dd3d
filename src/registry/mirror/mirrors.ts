import type { Mirror, MirroredManifest } from "./mirror.ts";

/** The mirrors of several registries, in a registry that has images of its own beside theirs. */
export class Mirrors implements Mirror {
  readonly domain = undefined;
  readonly #byDomain: ReadonlyMap<string, Mirror>;

  /** @param byDomain by the name of the registry whose images they have: `docker.io`. */
  constructor(byDomain: ReadonlyMap<string, Mirror>) {
    this.#byDomain = byDomain;
  }

  async fetchManifest(
    repository: string,
    reference: string,
    signal: AbortSignal,
  ): Promise<MirroredManifest | undefined> {
    return await this.#of(repository)?.fetchManifest(repository, reference, signal);
  }

  async fetchBlob(repository: string, digest: string, signal: AbortSignal): Promise<void> {
    await this.#of(repository)?.fetchBlob(repository, digest, signal);
  }

  #of(repository: string): Mirror | undefined {
    return this.#byDomain.get(repository.slice(0, repository.indexOf("/")));
  }
}
