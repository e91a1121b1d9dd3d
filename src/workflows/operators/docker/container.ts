import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";

type Input = Readonly<Record<string, Json>>;

/** A folder of the host that a container has while it runs. */
export interface TemporaryMount {
  readonly source: string;
  readonly target: string;
}

/**
 * The body with which Docker's Engine API makes the container that a task asks for.
 * @param labels go before the task's own.
 */
export function containerBody(
  input: Input,
  labels: Readonly<Record<string, string>>,
  temporary: TemporaryMount | undefined,
): JsonObject {
  const folder = temporary === undefined ? {} : { AIRFLOW_TMP_DIR: temporary.target };
  const ports = isJsonObject(input["portBindings"]) ? input["portBindings"] : {};
  return defined({
    Image: input["image"],
    Cmd: words(input["command"]),
    Entrypoint: words(input["entrypoint"]),
    Env: Object.entries({ ...folder, ...environmentOf(input) }).map(
      ([name, value]) => `${name}=${value}`,
    ),
    User: input["user"] == null ? undefined : plain(input["user"]),
    WorkingDir: input["workingDir"],
    Hostname: input["hostname"],
    Tty: input["tty"] === true,
    Labels: { ...texts(input["labels"]), ...labels },
    ExposedPorts:
      Object.keys(ports).length === 0
        ? undefined
        : Object.fromEntries(Object.keys(ports).map((it) => [protocolPort(it), {}])),
    HostConfig: hostConfig(input, ports, temporary),
  });
}

/** Variables of all three kinds; private ones win. */
export function environmentOf(input: Input): Readonly<Record<string, string>> {
  const lines = typeof input["envFile"] === "string" ? input["envFile"].split("\n") : [];
  const fromFile = lines.flatMap((line) => {
    const at = line.indexOf("=");
    return at <= 0 || line.startsWith("#") ? [] : [[line.slice(0, at).trim(), line.slice(at + 1)]];
  });
  return {
    ...(Object.fromEntries(fromFile) as Record<string, string>),
    ...texts(input["environment"]),
    ...texts(input["privateEnvironment"]),
  };
}

function hostConfig(
  input: Input,
  ports: JsonObject,
  temporary: TemporaryMount | undefined,
): JsonObject {
  const hosts = texts(input["extraHosts"]);
  return defined({
    CpuShares: typeof input["cpus"] === "number" ? Math.round(input["cpus"] * 1_024) : undefined,
    Memory: bytesOf(input["memLimit"]),
    ShmSize: bytesOf(input["shmSize"]),
    Mounts: mountsOf(input, temporary),
    NetworkMode: input["networkMode"],
    Dns: input["dns"],
    DnsSearch: input["dnsSearch"],
    ExtraHosts: Object.entries(hosts).map(([name, address]) => `${name}:${address}`),
    Privileged: input["privileged"] === true ? true : undefined,
    CapAdd: input["capAdd"],
    IpcMode: input["ipcMode"],
    Init: input["init"],
    Ulimits: capitalised(input["ulimits"]),
    DeviceRequests: capitalised(input["deviceRequests"]),
    LogConfig: logConfig(input),
    PortBindings:
      Object.keys(ports).length === 0
        ? undefined
        : Object.fromEntries(
            Object.entries(ports).map(([port, host]) => [
              protocolPort(port),
              [{ HostPort: plain(host ?? "") }],
            ]),
          ),
  });
}

function mountsOf(input: Input, temporary: TemporaryMount | undefined): Json[] | undefined {
  const own = capitalised(input["mounts"]) ?? [];
  const added =
    temporary === undefined
      ? []
      : [{ Type: "bind", Source: temporary.source, Target: temporary.target }];
  const all = [...own, ...added];
  return all.length === 0 ? undefined : all;
}

/** Objects as Docker's API has them, whose names begin with capitals; authors may write small ones. */
function capitalised(value: Json | undefined): Json[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.map((it) => (isJsonObject(it) ? capitalNames(it) : it));
}

function capitalNames(value: JsonObject): JsonObject {
  const named = Object.entries(value).map(([name, it]) => [
    name.charAt(0).toUpperCase() + name.slice(1),
    it,
  ]);
  return Object.fromEntries(named) as JsonObject;
}

/** The engine's own driver, with limits of its files. */
function logConfig(input: Input): JsonObject | undefined {
  const config = defined({
    "max-size": input["logOptsMaxSize"],
    "max-file": input["logOptsMaxFile"],
  });
  if (Object.keys(config).length === 0) return undefined;
  return { Type: "json-file", Config: config };
}

function protocolPort(port: string): string {
  return port.includes("/") ? port : `${port}/tcp`;
}

function defined(fields: Readonly<Record<string, Json | undefined>>): JsonObject {
  const given = Object.entries(fields).filter(([, it]) => it != null);
  return Object.fromEntries<Json | undefined>(given);
}

function texts(value: Json | undefined): Readonly<Record<string, string>> {
  if (!isJsonObject(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([name, it]) => [name, plain(it ?? "")]));
}

function plain(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Bytes, or text such as `512m`. @throws {Error} for other texts. */
export function bytesOf(value: Json | undefined): number | undefined {
  if (value == null || typeof value === "number") return value ?? undefined;
  const found = /^(\d+)([bkmg]?)b?$/i.exec(plain(value));
  if (found === null) throw new Error(`'${plain(value)}' is not a size: expected 512m or bytes`);
  const units: Readonly<Record<string, number>> = { k: 1_024, m: 1_024 ** 2, g: 1_024 ** 3 };
  return Number(found[1]) * (units[(found[2] ?? "").toLowerCase()] ?? 1);
}

/** A command line as a shell splits it, and lists as they are; undefined: the image's own. */
export function words(value: Json | undefined): string[] | undefined {
  if (value == null) return undefined;
  if (Array.isArray(value)) return value.map(plain);
  const text = plain(value).trim();
  // Airflow reads a text that looks like a list as one.
  if (text.startsWith("[")) {
    try {
      const list: unknown = JSON.parse(text.replaceAll("'", '"'));
      if (Array.isArray(list)) return list.map(String);
    } catch {
      // A program whose name begins so.
    }
  }
  const found = text.match(/(?:[^\s"']+|"(?:[^"\\]|\\.)*"|'[^']*')+/g) ?? [];
  return found.map((word) =>
    word.replaceAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g, (_, double?: string, single?: string) =>
      double === undefined ? (single ?? "") : double.replaceAll(/\\(["\\$`])/g, "$1"),
    ),
  );
}
