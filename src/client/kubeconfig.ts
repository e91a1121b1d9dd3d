import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { childList, childObject, childString, isJsonObject, type JsonObject } from "#api/object.ts";
import { parseYaml, YamlError } from "#api/yaml.ts";
import type { Clock } from "#base/clock.ts";
import { execCredential, expiringToken, type ExecCredential } from "./exec-credential.ts";
import type { TlsTransportOptions } from "./tls-transport.ts";

/** How to reach a cluster, and as whom. */
export type Connection = Omit<TlsTransportOptions, "clock" | "userAgent"> & {
  /** Of the context; `default` when it names none. */
  readonly namespace: string;
};

/** A kubeconfig that cannot be used; the message names file, place and remedy. */
export class KubeconfigError extends Error {
  override readonly name = "KubeconfigError";
}

/** A token file is read again after this long: kubelets rotate them. client-go uses a minute. */
const tokenMs = 60_000;

/**
 * Reads the file at `path` and resolves its context (`current-context` when undefined). Relative
 * paths in it are relative to its folder.
 * @throws {KubeconfigError}
 */
export async function readKubeconfig(
  path: string,
  clock: Clock,
  context?: string,
): Promise<Connection> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new KubeconfigError(`cannot read the kubeconfig ${path}`, { cause });
  }
  const file = new Kubeconfig(path, parse(path, text), clock);
  return await file.connection(context);
}

/**
 * The connection of a pod to its own cluster: the service account mounted at `folder`, and the
 * addresses in `KUBERNETES_SERVICE_HOST` and `_PORT`, which `main` reads.
 * @throws {KubeconfigError} outside of a cluster.
 */
export async function inClusterConnection(
  place: { readonly host: string; readonly port: string },
  clock: Clock,
  folder = "/var/run/secrets/kubernetes.io/serviceaccount",
): Promise<Connection> {
  const read = async (name: string): Promise<string> => {
    try {
      return await readFile(resolve(folder, name), "utf8");
    } catch (cause) {
      throw new KubeconfigError(`not in a cluster: no ${name} in ${folder}`, { cause });
    }
  };
  const host = place.host.includes(":") ? `[${place.host}]` : place.host;
  const token = rotatingToken(resolve(folder, "token"), clock);
  await token();
  return {
    server: `https://${host}:${place.port}`,
    certificateAuthority: await read("ca.crt"),
    bearerToken: token,
    namespace: (await read("namespace")).trim(),
  };
}

function parse(path: string, text: string): JsonObject {
  try {
    const value = parseYaml(text).documents[0]?.value;
    if (isJsonObject(value)) return value;
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    throw new KubeconfigError(`${path} is not YAML`, { cause: error });
  }
  throw new KubeconfigError(`${path} is not a kubeconfig: expected an object with 'contexts'`);
}

class Kubeconfig {
  readonly #path: string;
  readonly #config: JsonObject;
  readonly #clock: Clock;

  constructor(path: string, config: JsonObject, clock: Clock) {
    this.#path = path;
    this.#config = config;
    this.#clock = clock;
  }

  async connection(name: string | undefined): Promise<Connection> {
    const wanted = name ?? childString(this.#config, "current-context") ?? "";
    if (wanted === "") {
      throw this.#error("no current-context; name one, or run 'kubectl config use-context'");
    }
    const context = this.#entry("contexts", "context", wanted);
    const cluster = this.#entry("clusters", "cluster", childString(context, "cluster") ?? "");
    const user = this.#entry("users", "user", childString(context, "user") ?? "");
    const namespace = childString(context, "namespace") ?? "";
    return {
      ...(await this.#server(cluster)),
      ...(await this.#identity(user, cluster)),
      namespace: namespace === "" ? "default" : namespace,
    };
  }

  async #server(cluster: JsonObject): Promise<Pick<Connection, "server">> {
    const server = childString(cluster, "server");
    if (server === undefined) throw this.#error("the cluster has no 'server'");
    if (childString(cluster, "proxy-url") !== undefined) {
      throw this.#error("'proxy-url' is not supported; reach the server directly");
    }
    return {
      server,
      ...present("certificateAuthority", await this.#content(cluster, "certificate-authority")),
      ...present("serverName", childString(cluster, "tls-server-name")),
      ...(cluster["insecure-skip-tls-verify"] === true ? { insecureSkipVerify: true } : {}),
    };
  }

  async #identity(user: JsonObject, cluster: JsonObject): Promise<Partial<Connection>> {
    const exec = childObject(user, "exec");
    if (exec !== undefined) return await this.#fromProgram(exec, cluster);
    for (const unsupported of ["auth-provider", "username"]) {
      if (user[unsupported] === undefined) continue;
      throw this.#error(
        `the user's '${unsupported}' is not supported; use 'exec', a client certificate, 'token' or 'tokenFile'`,
      );
    }
    const clientCertificate = await this.#content(user, "client-certificate");
    const clientKey = await this.#content(user, "client-key");
    if ((clientCertificate === undefined) !== (clientKey === undefined)) {
      throw this.#error("'client-certificate' and 'client-key' come together; one is missing");
    }
    const tokenFile = childString(user, "tokenFile");
    const token = childString(user, "token");
    return {
      ...present("clientCertificate", clientCertificate),
      ...present("clientKey", clientKey),
      // As client-go: the file wins, because it rotates.
      ...(tokenFile !== undefined
        ? { bearerToken: rotatingToken(this.#resolve(tokenFile), this.#clock) }
        : token !== undefined
          ? { bearerToken: () => Promise.resolve(token) }
          : {}),
    };
  }

  async #fromProgram(exec: JsonObject, cluster: JsonObject): Promise<Partial<Connection>> {
    const ask = (): Promise<ExecCredential> => execCredential(exec, cluster, this.#path);
    const first = await ask();
    return {
      ...present("clientCertificate", first.clientCertificate),
      ...present("clientKey", first.clientKey),
      ...(first.token === undefined ? {} : { bearerToken: expiringToken(first, ask, this.#clock) }),
    };
  }

  /** The PEM at `key`-data in base64, or in the file that `key` names. */
  async #content(parent: JsonObject, key: string): Promise<string | undefined> {
    const inline = childString(parent, `${key}-data`);
    if (inline !== undefined) return Buffer.from(inline, "base64").toString();
    const file = childString(parent, key);
    if (file === undefined) return undefined;
    const path = this.#resolve(file);
    try {
      return await readFile(path, "utf8");
    } catch (cause) {
      throw new KubeconfigError(`${this.#path}: cannot read '${key}' at ${path}`, { cause });
    }
  }

  #entry(list: string, field: string, name: string): JsonObject {
    const entries = childList(this.#config, list).filter(isJsonObject);
    const found = childObject(
      entries.find((it) => it["name"] === name),
      field,
    );
    if (found !== undefined) return found;
    const names = entries.map((it) => childString(it, "name") ?? "").join(", ");
    throw this.#error(`no ${field} named '${name}'; there are: ${names}`);
  }

  #resolve(file: string): string {
    return resolve(dirname(this.#path), file);
  }

  #error(message: string): KubeconfigError {
    return new KubeconfigError(`${this.#path}: ${message}`);
  }
}

function present<K extends string>(
  key: K,
  value: string | undefined,
): { readonly [P in K]?: string } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: string };
}

/** Reads a token from a file that another process replaces from time to time. */
function rotatingToken(path: string, clock: Clock): () => Promise<string> {
  let known: { readonly token: string; readonly readAt: number } | undefined;
  return async () => {
    const now = clock.monotonic();
    if (known !== undefined && now - known.readAt < tokenMs) return known.token;
    try {
      known = { token: (await readFile(path, "utf8")).trim(), readAt: now };
    } catch (cause) {
      throw new KubeconfigError(`cannot read the token in ${path}`, { cause });
    }
    return known.token;
  };
}
