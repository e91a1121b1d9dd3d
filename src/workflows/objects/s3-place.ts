import { extraSettings, type Connection } from "#dag/connection/connection.ts";
import { childString, isJsonObject, type JsonObject } from "#api/object.ts";

/** What a path of S3 says. */
export interface S3Place {
  readonly connectionId: string;
  /** Whether the path names the connection itself. */
  readonly isNamed: boolean;
  readonly bucket: string;
  /** Without a leading slash. */
  readonly key: string;
}

const defaultConnection = "aws_default";

/** Reads `s3://bucket/key` and `s3://connection@bucket/key`. @throws {Error} for other forms. */
export function s3Place(path: string): S3Place {
  const found = /^s3:\/\/(?:([^/@]+)@)?([a-z0-9][a-z0-9.-]{1,62})\/(.*)$/.exec(path);
  const bucketOnly = found ?? /^s3:\/\/(?:([^/@]+)@)?([a-z0-9][a-z0-9.-]{1,62})$/.exec(path);
  if (bucketOnly === null) throw new Error(`${path}: expected s3://bucket/key`);
  const [, named, bucket = "", key = ""] = bucketOnly;
  return { connectionId: named ?? defaultConnection, isNamed: named !== undefined, bucket, key };
}

/** Who asks, and where. */
export interface S3Access {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
  readonly region: string;
  /** Undefined: Amazon's own. */
  readonly endpoint: string | undefined;
  /** Whether the bucket is a part of the path instead of the host's name. */
  readonly inPath: boolean;
}

/**
 * From a connection of type `aws`, as Airflow reads it, and the environment, as Amazon's tools do.
 * @throws {Error} when there are no keys.
 */
export function s3Access(
  connection: Connection | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): S3Access {
  const extra = connection === undefined ? {} : extraSettings(connection);
  const own = connection?.login ?? childString(extra, "aws_access_key_id");
  const keys =
    own === undefined
      ? {
          accessKeyId: environment["AWS_ACCESS_KEY_ID"],
          secretAccessKey: environment["AWS_SECRET_ACCESS_KEY"],
          sessionToken: environment["AWS_SESSION_TOKEN"],
        }
      : {
          accessKeyId: own,
          secretAccessKey: connection?.password ?? childString(extra, "aws_secret_access_key"),
          sessionToken: childString(extra, "aws_session_token"),
        };
  const { accessKeyId, secretAccessKey, sessionToken } = keys;
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new Error(
      "S3 needs keys: a connection of type aws with login and password, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    );
  }
  const endpoint = endpointOf(extra, environment);
  const style = childString(settingsOfS3(extra, "config_kwargs"), "addressing_style");
  return {
    accessKeyId,
    secretAccessKey,
    sessionToken,
    region:
      childString(extra, "region_name") ??
      environment["AWS_REGION"] ??
      environment["AWS_DEFAULT_REGION"] ??
      "us-east-1",
    endpoint,
    inPath: style === undefined ? endpoint !== undefined : style === "path",
  };
}

function endpointOf(
  extra: JsonObject,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const given =
    childString(settingsOfS3(extra, "service_config"), "endpoint_url") ??
    childString(extra, "endpoint_url") ??
    environment["AWS_ENDPOINT_URL_S3"] ??
    environment["AWS_ENDPOINT_URL"];
  return given?.replace(/\/+$/, "");
}

function settingsOfS3(extra: JsonObject, name: string): JsonObject {
  const group = extra[name];
  const own = isJsonObject(group) ? group["s3"] : undefined;
  return isJsonObject(own) ? own : {};
}

/** The address of an object. */
export function s3Address(access: S3Access, { bucket, key }: S3Place): string {
  const path = key.split("/").map(encodeURIComponent).join("/");
  const { endpoint = `https://s3.${access.region}.amazonaws.com`, inPath } = access;
  // Names with dots are not in the certificates of hosts.
  if (inPath || bucket.includes(".")) return `${endpoint}/${bucket}/${path}`;
  const at = endpoint.indexOf("://") + 3;
  return `${endpoint.slice(0, at)}${bucket}.${endpoint.slice(at)}/${path}`;
}
