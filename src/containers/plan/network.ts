import { UsageError } from "#containers/usage-error.ts";

export type ContainerNetwork =
  | { readonly kind: "default" }
  | { readonly kind: "host" }
  /** A network of which nobody else is. */
  | { readonly kind: "none"; readonly name: "none" }
  | { readonly kind: "named"; readonly name: string };

/** What `--network` says. @throws {UsageError} */
export function networkOf(text: string | undefined): ContainerNetwork {
  if (text === undefined || ["", "bridge", "default"].includes(text)) return { kind: "default" };
  if (text === "host") return { kind: "host" };
  if (text === "none") return { kind: "none", name: "none" };
  if (text.startsWith("container:")) {
    throw new UsageError(
      `--network ${text}: a container cannot join that of another; run both in one pod with kubectl`,
    );
  }
  return { kind: "named", name: text };
}
