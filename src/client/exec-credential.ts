import { execFile } from "node:child_process";
import { dirname, resolve as resolvePath } from "node:path";
import { childList, childObject, childString, isJsonObject, type JsonObject } from "#api/object.ts";
import type { Clock } from "#base/clock.ts";

/** What a program gave to log in with. PEM; both of a pair or none. */
export interface ExecCredential {
  readonly token: string | undefined;
  readonly clientCertificate: string | undefined;
  readonly clientKey: string | undefined;
  /** Milliseconds since the epoch; undefined: good as long as this process runs. */
  readonly expiresAt: number | undefined;
}

const timeoutMs = 60_000;
const answerSizeMax = 1024 * 1024;
const versions = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];

/**
 * Runs the program that a kubeconfig's user names in `exec`, as client-go's exec plugin does, without a
 * terminal. @param cluster is told to it when it asks with `provideClusterInfo`.
 * @throws {Error} naming the program; what it printed on its error output is in it.
 */
export async function execCredential(
  spec: JsonObject,
  cluster: JsonObject,
  kubeconfig: string,
): Promise<ExecCredential> {
  const command = childString(spec, "command") ?? "";
  const apiVersion = childString(spec, "apiVersion") ?? "";
  if (command === "" || !versions.includes(apiVersion)) {
    throw new Error(
      `${kubeconfig}: 'exec' needs a command and apiVersion ${versions.join(" or ")}`,
    );
  }
  if (childString(spec, "interactiveMode") === "Always") {
    throw new Error(`${kubeconfig}: ${command} wants a terminal ('interactiveMode: Always')`);
  }
  const about = spec["provideClusterInfo"] === true ? { cluster } : {};
  const info = { apiVersion, kind: "ExecCredential", spec: { ...about, interactive: false } };
  const variables = childList(spec, "env")
    .filter(isJsonObject)
    .map((it) => {
      return `${childString(it, "name") ?? ""}=${childString(it, "value") ?? ""}`;
    });
  // One that is no plain name is relative to the file.
  const program = command.includes("/") ? resolvePath(dirname(kubeconfig), command) : command;
  const args = childList(spec, "args").map(String);
  const own = [...variables, `KUBERNETES_EXEC_INFO=${JSON.stringify(info)}`];
  return credentialOf(await run(program, ["env", ...own, program, ...args], spec), apiVersion);
}

function run(program: string, line: readonly string[], spec: JsonObject): Promise<string> {
  const [first = "", ...others] = line;
  const options = { timeout: timeoutMs, maxBuffer: answerSizeMax };
  return new Promise((resolve, reject) => {
    execFile(first, others, options, (error, stdout, stderr) => {
      if (error === null) {
        resolve(stdout);
        return;
      }
      // The error itself has the whole command line, with its variables.
      const hint = childString(spec, "installHint") ?? "";
      reject(new Error(`${program} gave no credential: ${stderr.trim()} ${hint}`.trim()));
    });
  });
}

/** @throws {Error} for an answer of another form. */
export function credentialOf(text: string, apiVersion: string): ExecCredential {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error("the program of 'exec' printed something that is not JSON");
  }
  const answer = isJsonObject(value) ? value : {};
  if (answer["kind"] !== "ExecCredential" || answer["apiVersion"] !== apiVersion) {
    throw new Error(`the program of 'exec' must print an ExecCredential of ${apiVersion}`);
  }
  const status = childObject(answer, "status");
  const token = childString(status, "token");
  const clientCertificate = childString(status, "clientCertificateData");
  const clientKey = childString(status, "clientKeyData");
  if ((clientCertificate === undefined) !== (clientKey === undefined)) {
    throw new Error("the program of 'exec' gave a certificate without a key, or a key alone");
  }
  if (token === undefined && clientKey === undefined) {
    throw new Error("the program of 'exec' gave neither a token nor a certificate");
  }
  const expires = childString(status, "expirationTimestamp");
  const expiresAt = expires === undefined ? undefined : Date.parse(expires);
  return { token, clientCertificate, clientKey, expiresAt };
}

/** The token of a credential, which is asked for again once it has expired. */
export function expiringToken(
  first: ExecCredential,
  again: () => Promise<ExecCredential>,
  clock: Clock,
): () => Promise<string> {
  let known = Promise.resolve(first);
  let expiresAt = first.expiresAt ?? Infinity;
  return async () => {
    if (clock.now() >= expiresAt) {
      expiresAt = Infinity;
      known = again();
      known.then(
        (it) => (expiresAt = it.expiresAt ?? Infinity),
        () => (expiresAt = 0),
      );
    }
    const { token } = await known;
    if (token === undefined) throw new Error("the program of 'exec' gives no token any more");
    return token;
  };
}
