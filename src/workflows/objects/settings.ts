/** Where outputs go that are too large for the database; Airflow's section `common.io`. */
export interface ObjectSettings {
  /** A folder: `file:///var/xcom`, or `s3://bucket/prefix` or `s3://connection@bucket/prefix`. */
  readonly path: string;
  /** Values of so many bytes and more go there. */
  readonly threshold: number;
  readonly compression: "gzip" | undefined;
}

const prefix = "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_";

/**
 * What the environment says; undefined without a path. Without a threshold only what the database
 * does not take goes there. @param sizeMax of the database. @throws {Error} naming the variable.
 */
export function objectSettings(
  environment: Readonly<Record<string, string | undefined>>,
  sizeMax: number,
): ObjectSettings | undefined {
  const path = environment[`${prefix}PATH`];
  if (path === undefined || path === "") return undefined;
  if (!/^(file:\/\/\/|s3:\/\/[^/]+)/.test(path)) {
    throw new Error(`${prefix}PATH must be file:///folder or s3://bucket/prefix, found ${path}`);
  }
  const given = environment[`${prefix}THRESHOLD`];
  const threshold = given === undefined || given === "" ? sizeMax : Number(given);
  if (!Number.isInteger(threshold)) {
    throw new Error(`${prefix}THRESHOLD must be a number of bytes, found ${given ?? ""}`);
  }
  // Airflow's -1: nothing goes there that the database takes.
  const bytes = threshold < 0 ? sizeMax : Math.min(threshold, sizeMax);
  return {
    path: path.replace(/\/+$/, ""),
    threshold: bytes,
    compression: compressionOf(environment[`${prefix}COMPRESSION`]),
  };
}

function compressionOf(text: string | undefined): ObjectSettings["compression"] {
  if (text === undefined || text === "") return undefined;
  if (text === "gzip" || text === "gz") return "gzip";
  throw new Error(`${prefix}COMPRESSION must be gzip or nothing, found ${text}`);
}
