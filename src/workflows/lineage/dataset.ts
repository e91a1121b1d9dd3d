import type { AssetModel } from "#dag/assets/asset.ts";

/** What OpenLineage calls a thing that is read or made. */
export interface Dataset {
  readonly namespace: string;
  readonly name: string;
}

/** Schemes whose names are database, schema and table, with points between them. */
const tables = new Set(["postgres:", "postgresql:", "mysql:", "sqlite:"]);

/**
 * An asset as a dataset, by OpenLineage's naming: where it is, and what it is called there. An asset
 * whose URI names no place belongs to `namespace`.
 */
export function datasetOf({ name, uri }: AssetModel, namespace: string): Dataset {
  const url = URL.parse(uri);
  if (url === null) return { namespace, name };
  if (url.protocol === "file:") return { namespace: "file", name: decode(url.pathname) };
  if (url.host === "") return { namespace, name };
  const scheme = url.protocol === "postgresql:" ? "postgres:" : url.protocol;
  const parts = decode(url.pathname)
    .split("/")
    .filter((it) => it !== "");
  return {
    // Without the login that a URI may have.
    namespace: `${scheme}//${url.host}`,
    name: parts.length === 0 ? "/" : parts.join(tables.has(url.protocol) ? "." : "/"),
  };
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
