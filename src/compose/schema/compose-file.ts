import { buildShape } from "./build.ts";
import { deploy, deviceRequests } from "./deploy.ts";
import {
  commandLine,
  hosts,
  namePattern,
  options,
  pairs,
  textOrNumber,
  texts,
  textsOrText,
  ulimits,
} from "./common.ts";
import {
  anything,
  boolean,
  count,
  duration,
  either,
  flag,
  integer,
  list,
  nothing,
  number,
  object,
  pattern,
  record,
  size,
  text,
  word,
  type Shape,
} from "./shape.ts";

const fileMounts = list(
  either(
    text,
    object({ source: text, target: text, uid: text, gid: text, mode: textOrNumber }, "source"),
  ),
);

const hookKeys = {
  command: commandLine,
  user: text,
  privileged: flag,
  working_dir: text,
  environment: pairs,
};
const hook = object(hookKeys, "command");
const startHook = object({ ...hookKeys, image: text, per_replica: flag });

const blockLimits = list(object({ path: text, rate: size }));

const volumeKeys = {
  type: word("bind", "volume", "tmpfs", "cluster", "npipe", "image"),
  source: text,
  target: text,
  read_only: flag,
  consistency: text,
  bind: object({
    propagation: text,
    create_host_path: flag,
    recursive: word("enabled", "disabled", "writable", "readonly"),
    selinux: word("z", "Z"),
  }),
  volume: object({ labels: pairs, nocopy: flag, subpath: text }),
  tmpfs: object({ size, mode: textOrNumber }),
  image: object({ subpath: text }),
};

const port = object({
  name: text,
  mode: word("ingress", "host"),
  host_ip: text,
  target: integer,
  published: textOrNumber,
  protocol: text,
  app_protocol: text,
});

const networkUse = object({
  aliases: texts,
  interface_name: text,
  ipv4_address: text,
  ipv6_address: text,
  link_local_ips: texts,
  mac_address: text,
  driver_opts: options,
  priority: number,
  gw_priority: number,
});

const watch = object(
  {
    ignore: textsOrText,
    include: textsOrText,
    path: text,
    action: word("rebuild", "sync", "restart", "sync+restart", "sync+exec"),
    target: text,
    exec: hook,
    initial_sync: boolean,
  },
  "path",
  "action",
);

const processKeys = {
  command: commandLine,
  entrypoint: commandLine,
  env_file: either(
    text,
    list(either(text, object({ path: text, format: text, required: flag }, "path"))),
  ),
  environment: pairs,
  group_add: list(textOrNumber),
  init: flag,
  post_start: list(hook),
  pre_start: list(startHook),
  pre_stop: list(hook),
  stdin_open: flag,
  stop_grace_period: duration,
  stop_signal: text,
  tty: flag,
  user: text,
  working_dir: text,
};

const resourceKeys = {
  blkio_config: object({
    device_read_bps: blockLimits,
    device_read_iops: blockLimits,
    device_write_bps: blockLimits,
    device_write_iops: blockLimits,
    weight: integer,
    weight_device: list(object({ path: text, weight: integer })),
  }),
  cpu_count: count,
  cpu_percent: number,
  cpu_period: either(number, duration),
  cpu_quota: either(number, duration),
  cpu_rt_period: either(number, duration),
  cpu_rt_runtime: either(number, duration),
  cpu_shares: number,
  cpus: number,
  cpuset: text,
  mem_limit: size,
  mem_reservation: size,
  mem_swappiness: integer,
  memswap_limit: size,
  oom_kill_disable: flag,
  oom_score_adj: integer,
  pids_limit: integer,
  shm_size: size,
  ulimits,
};

const securityKeys = {
  cap_add: texts,
  cap_drop: texts,
  cgroup: word("host", "private"),
  cgroup_parent: text,
  credential_spec: object({ config: text, file: text, registry: text }),
  device_cgroup_rules: texts,
  devices: list(either(text, object({ source: text, target: text, permissions: text }, "source"))),
  gpus: either(word("all"), deviceRequests),
  ipc: text,
  isolation: text,
  pid: either(text, nothing),
  privileged: flag,
  read_only: flag,
  runtime: text,
  security_opt: texts,
  sysctls: pairs,
  userns_mode: text,
  uts: text,
};

const networkKeys = {
  dns: textsOrText,
  dns_opt: texts,
  dns_search: textsOrText,
  domainname: text,
  expose: list(textOrNumber),
  external_links: texts,
  extra_hosts: hosts,
  hostname: text,
  links: texts,
  mac_address: text,
  network_mode: text,
  networks: either(texts, record(either(networkUse, nothing), namePattern)),
  ports: list(either(textOrNumber, port)),
};

const storageKeys = {
  configs: fileMounts,
  secrets: fileMounts,
  storage_opt: record(anything),
  tmpfs: textsOrText,
  volumes: list(either(text, object(volumeKeys, "type"))),
  volumes_from: texts,
};

const dependency = object(
  {
    condition: word("service_started", "service_healthy", "service_completed_successfully"),
    required: flag,
    restart: flag,
  },
  "condition",
);

const service = object({
  ...processKeys,
  ...resourceKeys,
  ...securityKeys,
  ...networkKeys,
  ...storageKeys,
  annotations: pairs,
  attach: flag,
  build: buildShape,
  container_name: pattern(
    /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/,
    "a name of letters, digits, '_', '.', '-'",
  ),
  depends_on: either(texts, record(dependency, namePattern)),
  deploy,
  develop: either(object({ watch: list(watch) }), nothing),
  extends: either(text, object({ service: text, file: text }, "service")),
  healthcheck: object({
    disable: flag,
    interval: duration,
    retries: count,
    start_interval: duration,
    start_period: duration,
    test: textsOrText,
    timeout: duration,
  }),
  image: text,
  label_file: textsOrText,
  labels: pairs,
  logging: object({ driver: text, options: record(either(text, number, nothing)) }),
  models: either(
    texts,
    record(either(object({ endpoint_var: text, model_var: text }), nothing), namePattern),
  ),
  platform: text,
  profiles: texts,
  provider: object({ type: text, options: record(anything) }, "type"),
  pull_policy: pattern(
    /^(always|never|build|if_not_present|missing|refresh|daily|weekly|every_([0-9]+[wdhms])+)$/,
    "one of always, never, missing, if_not_present, build, refresh, daily, weekly, every_<duration>",
  ),
  pull_refresh_after: text,
  restart: pattern(
    /^(no|always|unless-stopped|on-failure(:\d+)?)$/,
    "one of no, always, on-failure[:attempts], unless-stopped",
  ),
  scale: count,
  use_api_socket: boolean,
});

const external = either(flag, object({ name: text }));
const ofDriver = { name: text, driver: text, driver_opts: options, external, labels: pairs };

const network = object({
  ...ofDriver,
  attachable: flag,
  enable_ipv4: flag,
  enable_ipv6: flag,
  internal: flag,
  ipam: object({
    driver: text,
    config: list(
      object({ subnet: text, ip_range: text, gateway: text, aux_addresses: record(text) }),
    ),
    options: record(text),
  }),
});

const source = { ...ofDriver, environment: text, file: text, template_driver: text };

/** A compose file with its variables replaced. Upstream: compose-spec `schema/compose-spec.json`. */
export const composeFile: Shape = object({
  version: text,
  name: text,
  include: list(
    either(text, object({ path: textsOrText, env_file: textsOrText, project_directory: text })),
  ),
  services: record(service, namePattern),
  models: record(
    object({ name: text, model: text, context_size: integer, runtime_flags: texts }, "model"),
    namePattern,
  ),
  networks: record(either(network, nothing), namePattern),
  volumes: record(either(object(ofDriver), nothing), namePattern),
  secrets: record(object({ ...source, content: text }), namePattern),
  configs: record(object({ ...source, content: text }), namePattern),
});
