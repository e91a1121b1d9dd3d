import { isJsonObject } from "#api/object.ts";
import { readDeploy, readHealthCheck } from "./read-deploy.ts";
import { readFileMount, readMount, resolvePath } from "./read-mounts.ts";
import { readExpose, readPorts } from "./read-ports.ts";
import { conditions, type Build, type Dependency, type NetworkUse, type Service } from "./model.ts";
import { present } from "#base/present.ts";
import type { Reading } from "./reading.ts";
import { shellWords } from "./shell-words.ts";
import { bytes, durationMs } from "./units.ts";

/** Where relative paths of a file begin, and what `~` is. */
export interface Place {
  readonly directory: string;
  readonly home: string;
}

/** Known keys that are left out: what they ask for has no counterpart in a cluster. */
const ignoredKeys = [
  "attach",
  "blkio_config",
  "cgroup",
  "cgroup_parent",
  "cpu_count",
  "cpu_percent",
  "cpu_period",
  "cpu_quota",
  "cpu_rt_period",
  "cpu_rt_runtime",
  "cpu_shares",
  "cpuset",
  "credential_spec",
  "develop",
  "device_cgroup_rules",
  "devices",
  "external_links",
  "gpus",
  "isolation",
  "label_file",
  "logging",
  "mac_address",
  "mem_swappiness",
  "memswap_limit",
  "models",
  "oom_kill_disable",
  "oom_score_adj",
  "pids_limit",
  "post_start",
  "pre_stop",
  "provider",
  "storage_opt",
  "ulimits",
  "use_api_socket",
  "userns_mode",
  "uts",
  "volumes_from",
] as const;

/** Those that change nothing that a user could miss. */
const harmlessKeys: readonly string[] = ["attach", "develop", "logging"];

const keys = [
  ...ignoredKeys,
  ...[
    "annotations",
    "build",
    "cap_add",
    "cap_drop",
    "command",
    "configs",
    "container_name",
    "cpus",
  ],
  ...[
    "depends_on",
    "deploy",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "entrypoint",
    "env_file",
  ],
  ...["environment", "expose", "extends", "extra_hosts", "group_add", "healthcheck", "hostname"],
  ...["image", "init", "ipc", "labels", "links", "mem_limit", "mem_reservation", "network_mode"],
  ...["networks", "pid", "platform", "ports", "privileged", "profiles", "pull_policy", "read_only"],
  ...["restart", "runtime", "scale", "secrets", "security_opt", "shm_size", "stdin_open"],
  ...["stop_grace_period", "stop_signal", "sysctls", "tmpfs", "tty", "user", "volumes"],
  ...["working_dir"],
];

/** One service of one file, in long forms. @throws {ComposeError} at the place of a fault. */
export function readService(at: Reading, place: Place): Service {
  const written = Object.keys(at.mapping(keys));
  const ignored = ignoredKeys.filter((it) => written.includes(it) && !harmlessKeys.includes(it));
  const service: Service = {
    ...readProcess(at),
    ...readSecurity(at),
    ...readNetwork(at),
    image: at.at("image").text(),
    build: readBuild(at.at("build"), place),
    env_file: at.at("env_file").isAbsent ? undefined : readEnvFiles(at.at("env_file"), place),
    volumes: listOf(at.at("volumes"), (it) => readMount(it, place)),
    tmpfs: textsOf(at.at("tmpfs")),
    configs: listOf(at.at("configs"), readFileMount),
    secrets: listOf(at.at("secrets"), readFileMount),
    depends_on: readDependencies(at.at("depends_on")),
    healthcheck: readHealthCheck(at.at("healthcheck")),
    restart: readRestart(at.at("restart")),
    scale: at.at("scale").number(),
    deploy: readDeploy(at.at("deploy")),
    profiles: textsOf(at.at("profiles")),
    labels: at.at("labels").labels(),
    annotations: at.at("annotations").labels(),
    container_name: at.at("container_name").text(),
    platform: at.at("platform").text(),
    pull_policy: at.at("pull_policy").text(),
    shm_size: bytes(at.at("shm_size")),
    mem_limit: bytes(at.at("mem_limit")),
    mem_reservation: bytes(at.at("mem_reservation")),
    cpus: at.at("cpus").number(),
    ignored: ignored.length === 0 ? undefined : ignored,
  };
  return present(service);
}

function readProcess(at: Reading): Service {
  return {
    command: wordsOf(at.at("command")),
    entrypoint: wordsOf(at.at("entrypoint")),
    environment: at.at("environment").isAbsent ? undefined : at.at("environment").pairs(),
    user: at.at("user").text(),
    group_add: textsOf(at.at("group_add")),
    working_dir: at.at("working_dir").text(),
    stdin_open: at.at("stdin_open").flag(),
    tty: at.at("tty").flag(),
    init: at.at("init").flag(),
    stop_signal: at.at("stop_signal").text(),
    stop_grace_period: durationMs(at.at("stop_grace_period")),
  };
}

function readSecurity(at: Reading): Service {
  return {
    privileged: at.at("privileged").flag(),
    read_only: at.at("read_only").flag(),
    cap_add: textsOf(at.at("cap_add")),
    cap_drop: textsOf(at.at("cap_drop")),
    security_opt: textsOf(at.at("security_opt")),
    sysctls: at.at("sysctls").labels(),
    pid: at.at("pid").text(),
    ipc: at.at("ipc").text(),
    runtime: at.at("runtime").text(),
  };
}

function readNetwork(at: Reading): Service {
  return {
    ports: at.at("ports").isAbsent ? undefined : readPorts(at.at("ports")),
    expose: at.at("expose").isAbsent ? undefined : readExpose(at.at("expose")),
    networks: readNetworks(at.at("networks")),
    network_mode: at.at("network_mode").text(),
    links: textsOf(at.at("links")),
    hostname: at.at("hostname").text(),
    domainname: at.at("domainname").text(),
    extra_hosts: readHosts(at.at("extra_hosts")),
    dns: textsOf(at.at("dns")),
    dns_search: textsOf(at.at("dns_search")),
    dns_opt: textsOf(at.at("dns_opt")),
  };
}

function readBuild(at: Reading, place: Place): Build | undefined {
  if (at.isAbsent) return undefined;
  if (!isJsonObject(at.value)) return { context: contextOf(at.needed(), place) };
  return present<Build>({
    context: contextOf(at.at("context").text() ?? ".", place),
    dockerfile: at.at("dockerfile").text(),
    dockerfile_inline: at.at("dockerfile_inline").text(),
    args: at.at("args").isAbsent ? undefined : at.at("args").pairs(),
    target: at.at("target").text(),
    labels: at.at("labels").labels(),
    no_cache: at.at("no_cache").flag(),
    pull: at.at("pull").flag(),
    network: at.at("network").text(),
    tags: textsOf(at.at("tags")),
    platforms: textsOf(at.at("platforms")),
    secrets: listOf(at.at("secrets"), (it) =>
      isJsonObject(it.value) ? it.at("source").needed() : it.needed(),
    ),
  });
}

/** A directory, or the URL of a repository or of an archive. */
function contextOf(text: string, place: Place): string {
  return /^([a-z+]+:\/\/|git@)/.test(text) ? text : resolvePath(text, place);
}

function readEnvFiles(at: Reading, place: Place): Service["env_file"] {
  const entries = Array.isArray(at.value) ? at.list() : [at];
  return entries.map((it) =>
    isJsonObject(it.value)
      ? {
          path: resolvePath(it.at("path").needed(), place),
          required: it.at("required").flag() ?? true,
        }
      : { path: resolvePath(it.needed(), place), required: true },
  );
}

function readDependencies(at: Reading): Service["depends_on"] {
  if (at.isAbsent) return undefined;
  const plain: Dependency = { condition: "service_started", required: true, restart: false };
  if (Array.isArray(at.value)) {
    return Object.fromEntries(at.list().map((it) => [it.needed(), plain]));
  }
  const entries = at.entries().map(([name, it]) => {
    it.mapping(["condition", "required", "restart"]);
    const dependency: Dependency = {
      condition: it.at("condition").oneOf(conditions) ?? "service_started",
      required: it.at("required").flag() ?? true,
      restart: it.at("restart").flag() ?? false,
    };
    return [name, dependency] as const;
  });
  return Object.fromEntries(entries);
}

function readNetworks(at: Reading): Service["networks"] {
  if (at.isAbsent) return undefined;
  if (Array.isArray(at.value)) {
    return Object.fromEntries(at.list().map((it) => [it.needed(), null]));
  }
  const entries = at.entries().map(([name, it]) => {
    const aliases = it.at("aliases").isAbsent ? undefined : it.at("aliases").texts();
    const use: NetworkUse | null = aliases === undefined ? null : { aliases };
    return [name, use] as const;
  });
  return Object.fromEntries(entries);
}

const restartPattern = /^(no|always|unless-stopped|on-failure(:\d+)?)$/;

function readRestart(at: Reading): string | undefined {
  // `no` without quotes is a boolean in older YAML.
  const text = at.value === false ? "no" : at.text();
  if (text !== undefined && !restartPattern.test(text)) {
    throw at.fail("must be one of no, always, on-failure[:attempts], unless-stopped");
  }
  return text;
}

/** `host:address`, `host=address`, or a mapping. */
function readHosts(at: Reading): Service["extra_hosts"] {
  if (at.isAbsent) return undefined;
  if (!Array.isArray(at.value)) return at.labels();
  const entries = at.list().map((it) => {
    const [, host, address] = /^([^:=]+)[:=](.+)$/.exec(it.needed()) ?? [];
    if (host === undefined || address === undefined) throw it.fail("expected HOST=ADDRESS");
    return [host, address.replace(/^\[(.*)\]$/, "$1")] as const;
  });
  return Object.fromEntries(entries);
}

/** A command line, or its words. */
function wordsOf(at: Reading): readonly string[] | undefined {
  if (at.isAbsent) return undefined;
  if (Array.isArray(at.value)) return at.texts();
  try {
    return shellWords(at.text() ?? "");
  } catch (error) {
    throw at.fail((error as Error).message);
  }
}

function textsOf(at: Reading): readonly string[] | undefined {
  return at.isAbsent ? undefined : at.texts();
}

function listOf<T>(at: Reading, read: (item: Reading) => T): readonly T[] | undefined {
  return at.isAbsent ? undefined : at.list().map(read);
}
