import { readFile } from "node:fs/promises";
import { describeError } from "#base/log.ts";
import { optionalText, textsOf, type OperatorCall } from "#workflows/operators/operator.ts";
import { DockerEngine, type EngineTls } from "./engine.ts";

/** A Docker host. */
export interface DockerPlace {
  readonly engine: DockerEngine;
  /** For pulls, in the form of the header. */
  readonly registryAuth: string | undefined;
}

/** The host that a task's arguments or DOCKER_HOST name, the first of several that answers. */
export async function findDockerPlace(call: OperatorCall): Promise<DockerPlace | undefined> {
  const { DOCKER_HOST: surrounding } = call.environment;
  const given = textsOf(call, "dockerUrl").filter((it) => it !== "");
  const urls = given.length > 0 || surrounding === undefined ? given : [surrounding];
  const engines = await Promise.all(
    urls.filter((it) => it !== "").map((url) => engineAt(call, url)),
  );
  const engine = await firstAnswering(engines, call.context.signal);
  if (engine === undefined) return undefined;
  return { engine, registryAuth: await registryAuth(call) };
}

async function engineAt(call: OperatorCall, url: string): Promise<DockerEngine> {
  const { timeout } = call.input;
  return new DockerEngine({
    url,
    apiVersion: optionalText(call, "apiVersion"),
    tls: await tlsOf(call),
    timeoutMs: (typeof timeout === "number" ? timeout : 60) * 1_000,
  });
}

async function firstAnswering(
  engines: readonly DockerEngine[],
  signal: AbortSignal,
): Promise<DockerEngine | undefined> {
  if (engines.length < 2) return engines[0];
  const failures: string[] = [];
  for (const it of engines) {
    try {
      await it.text({ method: "GET", path: "/_ping" }, signal);
      return it;
    } catch (error) {
      signal.throwIfAborted();
      failures.push(describeError(error));
    }
  }
  throw new Error(`no Docker host answers: ${failures.join("; ")}`);
}

async function registryAuth(call: OperatorCall): Promise<string | undefined> {
  const id = optionalText(call, "dockerConnId");
  if (id === undefined) return undefined;
  const { login: username, password, host, port } = await call.context.connections.get(id);
  const serveraddress = port === undefined ? host : `${host ?? ""}:${port}`;
  const auth = JSON.stringify({ username, password, serveraddress });
  return Buffer.from(auth).toString("base64url");
}

async function tlsOf(call: OperatorCall): Promise<EngineTls | undefined> {
  const files = { ca: "tlsCaCert", cert: "tlsClientCert", key: "tlsClientKey" } as const;
  const read = Object.entries(files).map(async ([name, argument]) => {
    const file = optionalText(call, argument);
    return file === undefined ? [] : [[name, await readFile(file, "utf8")] as const];
  });
  const found = (await Promise.all(read)).flat();
  if (found.length === 0) return undefined;
  const { tlsVerify, tlsHostname } = call.input;
  return {
    ...Object.fromEntries(found),
    ...(tlsVerify === false ? { rejectUnauthorized: false } : {}),
    // As Docker's client: a name to expect instead of the host's, or none.
    ...(typeof tlsHostname === "string" ? { servername: tlsHostname } : {}),
    ...(tlsHostname === false ? { checkServerIdentity: () => undefined } : {}),
    ...protocolOf(optionalText(call, "tlsSslVersion")),
  };
}

/** @throws {Error} for what is no version of TLS. */
function protocolOf(text: string | undefined): Pick<EngineTls, "minVersion" | "maxVersion"> {
  if (text === undefined) return {};
  const version = /TLSv1[_.]([23])$/.exec(text)?.[1];
  if (version === undefined) {
    throw new Error(`argument 'tlsSslVersion' must be TLSv1_2 or TLSv1_3, found ${text}`);
  }
  const name = version === "2" ? "TLSv1.2" : "TLSv1.3";
  return { minVersion: name, maxVersion: name };
}
