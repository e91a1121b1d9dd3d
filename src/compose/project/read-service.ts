import { isJsonObject, type Json } from "#api/object.ts";
import { present } from "#base/present.ts";
import {
  carriedKeys,
  conditions,
  type Dependency,
  type NetworkUse,
  type Service,
} from "./model.ts";
import { readBuild } from "./read-build.ts";
import { readDeploy, readHealthCheck } from "./read-deploy.ts";
import { hostTexts } from "./read-hosts.ts";
import { readDevelop, readHook } from "./read-hooks.ts";
import { readFileMount, readMount, resolvePath, type Place } from "./read-mounts.ts";
import { readExpose, readPorts } from "./read-ports.ts";
import type { Reading } from "./reading.ts";
import { wordsOf } from "./shell-words.ts";
import { bytes, durationMs } from "./units.ts";

/** One service of one file, in long forms. @throws {ComposeError} at the place of a fault. */
export function readService(at: Reading, place: Place): Service {
  const service: Service = {
    ...at.extensions(),
    ...readCarried(at),
    ...readProcess(at),
    ...readSecurity(at),
    ...readNetwork(at),
    ...readStorage(at, place),
    ...readResources(at),
    image: at.at("image").text(),
    build: readBuild(at.at("build"), place),
    env_file: readEnvFiles(at.at("env_file"), place),
    label_file: at
      .at("label_file")
      .texts()
      ?.map((it) => resolvePath(it, place)),
    depends_on: readDependencies(at.at("depends_on")),
    healthcheck: readHealthCheck(at.at("healthcheck")),
    restart: at.at("restart").text(),
    scale: at.at("scale").number(),
    deploy: readDeploy(at.at("deploy")),
    develop: readDevelop(at.at("develop"), place),
    profiles: at.at("profiles").texts(),
    labels: at.at("labels").labels(),
    annotations: at.at("annotations").labels(),
    attach: at.at("attach").flag(),
    container_name: at.at("container_name").text(),
    platform: at.at("platform").text(),
    pull_policy: at.at("pull_policy").text(),
  };
  return present(service);
}

function readCarried(at: Reading): Service {
  const found: Record<string, Json> = {};
  for (const key of carriedKeys) {
    const { value } = at.at(key);
    if (value !== undefined) found[key] = value;
  }
  const swap = bytes(at.at("memswap_limit"));
  if (swap !== undefined) found["memswap_limit"] = String(swap);
  if (found["gpus"] === "all") found["gpus"] = [{ count: -1 }];
  const devices = at.at("devices").listOf(readDevice);
  if (devices !== undefined) found["devices"] = [...devices];
  return found;
}

/** `/dev/a[:/dev/b[:rwm]]`, or the long form. */
function readDevice(at: Reading): Json {
  if (isJsonObject(at.value)) return at.value;
  const [source = "", target = source, permissions = "rwm"] = at.needed().split(":");
  return { source, target, permissions };
}

function readProcess(at: Reading): Service {
  return {
    command: wordsOf(at.at("command")),
    entrypoint: wordsOf(at.at("entrypoint")),
    environment: at.at("environment").pairs(),
    user: at.at("user").text(),
    group_add: at.at("group_add").texts(),
    working_dir: at.at("working_dir").text(),
    stdin_open: at.at("stdin_open").flag(),
    tty: at.at("tty").flag(),
    init: at.at("init").flag(),
    post_start: at.at("post_start").listOf(readHook),
    pre_stop: at.at("pre_stop").listOf(readHook),
    stop_signal: at.at("stop_signal").text(),
    stop_grace_period: durationMs(at.at("stop_grace_period")),
  };
}

function readSecurity(at: Reading): Service {
  return {
    privileged: at.at("privileged").flag(),
    read_only: at.at("read_only").flag(),
    cap_add: at.at("cap_add").texts(),
    cap_drop: at.at("cap_drop").texts(),
    security_opt: at.at("security_opt").texts(),
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
    links: at.at("links").texts(),
    hostname: at.at("hostname").text(),
    domainname: at.at("domainname").text(),
    extra_hosts: hostTexts(at.at("extra_hosts")),
    dns: at.at("dns").texts(),
    dns_search: at.at("dns_search").texts(),
    dns_opt: at.at("dns_opt").texts(),
  };
}

function readStorage(at: Reading, place: Place): Service {
  return {
    volumes: at.at("volumes").listOf((it) => readMount(it, place)),
    volumes_from: at.at("volumes_from").texts(),
    tmpfs: at.at("tmpfs").texts(),
    configs: at.at("configs").listOf(readFileMount),
    secrets: at.at("secrets").listOf(readFileMount),
  };
}

function readResources(at: Reading): Service {
  return {
    shm_size: bytes(at.at("shm_size")),
    mem_limit: bytes(at.at("mem_limit")),
    mem_reservation: bytes(at.at("mem_reservation")),
    cpus: at.at("cpus").number(),
    cpu_quota: microseconds(at.at("cpu_quota")),
    cpu_period: microseconds(at.at("cpu_period")),
  };
}

/** A number of them, or a duration. */
function microseconds(at: Reading): number | undefined {
  const number = Number(at.text());
  if (!Number.isNaN(number)) return at.number();
  const ms = durationMs(at);
  return ms === undefined ? undefined : Math.round(ms * 1_000);
}

function readEnvFiles(at: Reading, place: Place): Service["env_file"] {
  if (at.isAbsent) return undefined;
  const entries = Array.isArray(at.value) ? at.list() : [at];
  return entries.map((it) =>
    isJsonObject(it.value)
      ? present({
          path: resolvePath(it.at("path").needed(), place),
          required: it.at("required").flag(),
          format: formatOf(it.at("format")),
        })
      : { path: resolvePath(it.needed(), place) },
  );
}

function formatOf(at: Reading): string | undefined {
  const format = at.text();
  if (format === undefined || format === "" || format === "raw") return format;
  throw at.fail(`'${format}' is no format that there is: leave it out, or say raw`);
}

function readDependencies(at: Reading): Service["depends_on"] {
  if (at.isAbsent) return undefined;
  const plain: Dependency = { condition: "service_started", required: true };
  if (Array.isArray(at.value)) {
    return Object.fromEntries(at.list().map((it) => [it.needed(), plain]));
  }
  const entries = at.entries().map(([name, it]) => {
    const dependency: Dependency = {
      condition: it.at("condition").oneOf(conditions) ?? "service_started",
      required: it.at("required").flag(),
      restart: it.at("restart").flag(),
    };
    return [name, present(dependency)] as const;
  });
  return Object.fromEntries(entries);
}

function readNetworks(at: Reading): Service["networks"] {
  if (at.isAbsent) return undefined;
  if (Array.isArray(at.value)) {
    return Object.fromEntries(at.list().map((it) => [it.needed(), null]));
  }
  const entries = at
    .entries()
    .map(([name, it]): readonly [string, NetworkUse | null] => [
      name,
      it.isAbsent ? null : it.mapping(),
    ]);
  return Object.fromEntries(entries);
}
