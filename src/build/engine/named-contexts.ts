import type { CopySource } from "#build/copy/select.ts";
import { familiarReference, parseReference } from "#oci/reference.ts";

/** What `--build-context` puts in the place of a stage or an image. */
export type NamedContext =
  | { readonly kind: "image"; readonly reference: string }
  | {
      readonly kind: "files";
      /** @throws {Error} when there is no such directory. */
      readonly files: () => CopySource;
    };

/** By {@link contextName}. */
export type NamedContexts = ReadonlyMap<string, NamedContext>;

/** The form in which names of contexts, stages and images are compared: `alpine` is `alpine:latest`. */
export function contextName(name: string): string {
  const lower = name.toLowerCase();
  try {
    return familiarReference(parseReference(lower)).replace(/:latest$/, "");
  } catch {
    // No image can have the name; a stage may.
    return lower;
  }
}
