import { apiVersionOf, type Resource } from "#api/resource.ts";
import type { TypeTable } from "#api/schema/type-table.ts";

/** Finds the type of a kind by the names it has on the wire. */
export interface TypeNames {
  /** Undefined for kinds that nobody declared. */
  readonly typeOf: (apiVersion: string, kind: string) => string | undefined;
}

const metaPackage = "io.k8s.apimachinery.pkg.apis.meta.v1";
const metaKinds = new Set([
  "CreateOptions",
  "DeleteOptions",
  "GetOptions",
  "ListOptions",
  "PatchOptions",
  "Status",
  "UpdateOptions",
]);

/**
 * Kinds that are no resource (`Scale`, `Eviction`, `Binding`, lists) lie in the package of the
 * resources of their group and version.
 */
export function typeNamesOf(resources: readonly Resource[], types: TypeTable): TypeNames {
  const packages = new Map(
    resources.map((it) => [apiVersionOf(it), it.type.slice(0, it.type.lastIndexOf("."))]),
  );
  return {
    typeOf(apiVersion, kind) {
      const meta = `${metaPackage}.${kind}`;
      if (metaKinds.has(kind) && types.has(meta)) return meta;
      const found = packages.get(apiVersion);
      const name = `${found ?? ""}.${kind}`;
      return found !== undefined && types.has(name) ? name : undefined;
    },
  };
}
