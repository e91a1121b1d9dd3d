import { createHash } from "node:crypto";
import { normalizeReference, ReferenceError } from "#oci/reference.ts";
import { type ImageStatus, RuntimeError } from "#cri/runtime.ts";

/** Names below it are never there, for tests of failing pulls. */
const missingPrefix = "missing.invalid/";

/** Every image is on the node, except missing ones and those that were removed. */
export class SimulatedImages {
  readonly #removed = new Set<string>();
  /** Id to name, of images that were asked for. */
  readonly #known = new Map<string, string>();

  find(reference: string): ImageStatus | undefined {
    const name = this.#known.get(reference) ?? nameOf(reference);
    if (name.startsWith(missingPrefix) || this.#removed.has(name)) return undefined;
    const id = idOf(name);
    this.#known.set(id, name);
    return { id, tags: [name], digests: [], sizeBytes: 0, uid: undefined, username: "" };
  }

  /** @throws {RuntimeError} `image-not-found` */
  pull(reference: string): string {
    this.#removed.delete(nameOf(reference));
    const image = this.find(reference);
    if (image === undefined) {
      throw new RuntimeError("image-not-found", `pull image ${reference}: not found`);
    }
    return image.id;
  }

  list(): ImageStatus[] {
    return [...this.#known.keys()].map((it) => this.find(it)).filter((it) => it !== undefined);
  }

  remove(reference: string): void {
    const name = this.#known.get(reference) ?? nameOf(reference);
    this.#known.delete(idOf(name));
    this.#removed.add(name);
  }
}

/** A text that names no image stands for itself: here everything may be pulled. */
function nameOf(reference: string): string {
  try {
    return normalizeReference(reference);
  } catch (error) {
    if (error instanceof ReferenceError) return reference;
    throw error;
  }
}

function idOf(name: string): string {
  return `sha256:${createHash("sha256").update(name).digest("hex")}`;
}
