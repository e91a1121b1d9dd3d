import { appendFile } from "node:fs/promises";
import { readFileIfPresent, writeFileAtomically } from "#pki/files.ts";

/** Tags remembered; the oldest are forgotten first, and are then as if they were given here. */
const tagsMax = 10_000;
const fileMode = 0o600;

/**
 * Which tags of a store a mirror brought, and the digest that each had: a tag that is another
 * image's by now was given here, and the mirror does not touch it. Kept in a file, a line each.
 */
export class MirroredTags {
  readonly #file: string;
  readonly #digests: Map<string, string>;
  #writing: Promise<void> = Promise.resolve();
  /** In the file, outdated ones too. */
  #lines: number;

  private constructor(file: string, digests: Map<string, string>) {
    this.#file = file;
    this.#digests = digests;
    this.#lines = digests.size;
  }

  /** Reads the file, which need not be there, and writes it anew without what is outdated. */
  static async open(file: string): Promise<MirroredTags> {
    const digests = new Map<string, string>();
    for (const line of ((await readFileIfPresent(file)) ?? "").split("\n")) {
      const [repository = "", tag = "", digest = ""] = line.split(" ");
      // The last line may have been cut off.
      if (digest.length > "sha256:".length) remember(digests, `${repository} ${tag}`, digest);
    }
    await writeFileAtomically(file, textOf(digests), fileMode);
    return new MirroredTags(file, digests);
  }

  /** Whether the mirror brought the image that has the tag now. */
  has(repository: string, tag: string, digest: string): boolean {
    return this.#digests.get(`${repository} ${tag}`) === digest;
  }

  /** Resolves when it is in the file. */
  async add(repository: string, tag: string, digest: string): Promise<void> {
    if (this.has(repository, tag, digest)) return;
    const key = `${repository} ${tag}`;
    remember(this.#digests, key, digest);
    const written = this.#writing.then(async () => {
      this.#lines += 1;
      if (this.#lines <= 2 * tagsMax) {
        await appendFile(this.#file, lineOf([key, digest]));
        return;
      }
      await writeFileAtomically(this.#file, textOf(this.#digests), fileMode);
      this.#lines = this.#digests.size;
    });
    this.#writing = written.catch(() => undefined);
    await written;
  }
}

function remember(digests: Map<string, string>, key: string, digest: string): void {
  digests.delete(key);
  digests.set(key, digest);
  const [oldest] = digests.keys();
  if (digests.size > tagsMax && oldest !== undefined) digests.delete(oldest);
}

function textOf(digests: ReadonlyMap<string, string>): string {
  return [...digests].map(lineOf).join("");
}

function lineOf([key, digest]: readonly [key: string, digest: string]): string {
  return `${key} ${digest}\n`;
}
