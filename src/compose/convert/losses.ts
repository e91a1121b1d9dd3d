import type { Json } from "#api/object.ts";
import {
  carriedKeys,
  type Hook,
  type Mount,
  type Project,
  type Service,
} from "#compose/project/model.ts";
import { oncePublished, type Publishing } from "./container.ts";
import { labelOf, requirementOf } from "./placement.ts";
import { hostGateway } from "./workloads.ts";

/** Why a carried key has no effect, where that is more than that pods have no such thing. */
const reasons: Readonly<Record<string, string>> = {
  blkio_config: "pods have no limits of input and output",
  cpu_shares: "deploy.resources.reservations.cpus says how much a pod gets at least",
  devices: "pods get devices from device plugins and resource claims",
  external_links: "only services of the project are found by name",
  gpus: "pods get devices from device plugins and resource claims",
  logging: "the node keeps the logs of pods, within bounds of its own",
  mac_address: "the cluster gives pods their addresses",
  models: "there is no runner of models",
  pids_limit: "the kubelet bounds the processes of all pods alike",
  pre_start: "nothing runs before the containers",
  ulimits: "pods have the limits of the container runtime",
  use_api_socket: "there is no engine whose socket could be given",
  userns_mode: "pods have the users of their node",
};

/** What the files ask for and the cluster does not do, a line each, in the order of the files. */
export function losses(project: Project, publish: Publishing): readonly string[] {
  return [
    ...Object.entries(project.services).flatMap(([name, it]) =>
      [...serviceLosses(it), ...portLosses(it, publish)].map((line) => `services.${name}.${line}`),
    ),
    ...networkLosses(project),
    ...Object.entries(project.volumes).flatMap(([name, { driver = "local" }]) =>
      driver === "local"
        ? []
        : [`volumes.${name}.driver is ignored: the default storage class makes volumes`],
    ),
    ...(["configs", "secrets"] as const).flatMap((kind) =>
      Object.entries(project[kind]).flatMap(([name, it]) =>
        given(it, ["driver", "driver_opts", "template_driver"]).map(
          (key) => `${kind}.${name}.${key} is ignored`,
        ),
      ),
    ),
    ...(project.models === undefined ? [] : [ignored("models", reasons["models"])]),
  ];
}

function serviceLosses(service: Service): readonly string[] {
  return [
    ...given(service, carriedKeys).map((key) => ignored(key, reasons[key])),
    ...processLosses(service),
    ...networkUseLosses(service),
    ...deployLosses(service),
    ...storageLosses(service),
  ];
}

function processLosses(service: Service): readonly string[] {
  const { pull_policy: policy = "" } = service;
  const groups = (service.group_add ?? []).filter((it) => !/^\d+$/.test(it));
  const options = (service.security_opt ?? []).filter((it) => !knownOption.test(it));
  return [
    ...groups.map((it) =>
      ignored(`group_add ${it}`, "give the number, the pod has no image to look it up in"),
    ),
    ...options.map((it) => ignored(`security_opt ${it}`)),
    ...(/^(refresh|daily|weekly|every_)/.test(policy)
      ? [`pull_policy ${policy}: the registry is asked at every start`]
      : []),
    ...(["pid", "ipc"] as const).flatMap((key) => {
      const { [key]: mode = "" } = service;
      return ["", "host", "private", "shareable"].includes(mode)
        ? []
        : [ignored(`${key} ${mode}`, "pods do not share what is theirs")];
    }),
    ...hookLosses("post_start", service.post_start),
    ...hookLosses("pre_stop", service.pre_stop),
  ];
}

const knownOption =
  /^(no-new-privileges([:=](true|false))?|seccomp[:=]unconfined|apparmor[:=]unconfined|systempaths[:=]unconfined|label[:=]disable)$/;

function hookLosses(key: string, hooks: readonly Hook[] | undefined): readonly string[] {
  return (hooks ?? []).flatMap((hook, index) =>
    given(hook, ["user", "privileged"]).map((it) =>
      ignored(`${key}[${index}].${it}`, "hooks run as the container does"),
    ),
  );
}

function networkUseLosses(service: Service): readonly string[] {
  const { network_mode: mode = "", networks = {} } = service;
  const isKnown = ["", "none", "host", "bridge", "default"].includes(mode);
  const uses = Object.entries(networks).flatMap(([name, use]) =>
    Object.keys(use ?? {})
      .filter((it) => it !== "aliases" && !it.startsWith("x-"))
      .map((it) => ignored(`networks.${name}.${it}`, "the cluster gives pods their addresses")),
  );
  return [
    ...(isKnown ? [] : [ignored(`network_mode ${mode}`, "a pod has addresses of its own")]),
    ...uses,
    ...(service.domainname === undefined ? [] : [ignored("domainname")]),
    ...((service.extra_hosts ?? []).some((it) => it.endsWith(`=${hostGateway}`))
      ? [ignored(`extra_hosts ${hostGateway}`, "give the node's address")]
      : []),
  ];
}

function portLosses(service: Service, publish: Publishing): readonly string[] {
  if (publish !== "host-port") return [];
  const kept = oncePublished(service);
  return (service.ports ?? [])
    .filter((it) => !kept.includes(it))
    .map((it) =>
      ignored(`ports ${it.published ?? ""}:${it.target}`, "a pod publishes each of its ports once"),
    );
}

function deployLosses({ deploy = {}, scale }: Service): readonly string[] {
  const { resources = {}, restart_policy: policy, update_config: update, placement = {} } = deploy;
  const spreads = (placement.preferences ?? []).map((it) => it.spread ?? "");
  const isJobPerNode = deploy.mode === "global-job";
  const hasCount = (deploy.replicas ?? scale) !== undefined;
  const lost = [
    ...given(resources.limits, ["pids"]).map((it) => `resources.limits.${it}`),
    ...given(resources.reservations, ["devices", "generic_resources"]).map(
      (it) => `resources.reservations.${it}`,
    ),
    ...given(policy, ["delay", "window"]).map((it) => `restart_policy.${it}`),
    ...given(update, ["failure_action", "max_failure_ratio", "monitor"]).map(
      (it) => `update_config.${it}`,
    ),
    ...(deploy.rollback_config === undefined ? [] : ["rollback_config"]),
    ...(placement.constraints ?? [])
      .filter((it) => requirementOf(it) === undefined)
      .map((it) => `placement.constraints ${it}`),
    ...spreads.filter((it) => labelOf(it) === undefined).map((it) => `placement.preferences ${it}`),
    ...((placement.max_replicas_per_node ?? 1) > 1 ? ["placement.max_replicas_per_node"] : []),
  ].map((it) => ignored(`deploy.${it}`));
  return [
    ...lost,
    ...(deploy.endpoint_mode === "vip"
      ? ["deploy.endpoint_mode vip: the name leads to the pods' addresses"]
      : []),
    ...(isJobPerNode ? ["deploy.mode global-job: it runs once, not on every node"] : []),
    ...(deploy.mode === "global" && hasCount
      ? [ignored("deploy.replicas", "in global mode every node has one")]
      : []),
  ];
}

function storageLosses(service: Service): readonly string[] {
  const mounts = (service.volumes ?? []).flatMap((it, index) =>
    mountLosses(it).map((key) => ignored(`volumes[${index}].${key}`)),
  );
  const files = (["configs", "secrets"] as const).flatMap((kind) =>
    (service[kind] ?? []).flatMap((it, index) =>
      given(it, ["uid", "gid"]).map((key) =>
        ignored(`${kind}[${index}].${key}`, "the files are root's; mode says who may read them"),
      ),
    ),
  );
  const others = (service.volumes_from ?? []).filter((it) => it.startsWith("container:"));
  return [...mounts, ...files, ...others.map((it) => ignored(`volumes_from ${it}`))];
}

function mountLosses(mount: Mount): readonly string[] {
  return [
    ...given(mount.bind, ["recursive", "selinux"]).map((it) => `bind.${it}`),
    ...given(mount.volume, ["labels"]).map((it) => `volume.${it}`),
    ...given(mount.tmpfs, ["mode"]).map((it) => `tmpfs.${it}`),
  ];
}

function networkLosses({ networks }: Project): readonly string[] {
  return Object.entries(networks).flatMap(([name, network]) => {
    const { driver = "bridge" } = network;
    const settings = given(network, ["driver_opts", "ipam", "enable_ipv6", "enable_ipv4"]);
    return [
      ...(["bridge", "overlay", "default"].includes(driver) ? [] : [`driver ${driver}`]),
      ...settings,
      ...(network.external === true ? ["external"] : []),
    ].map((it) => ignored(`networks.${name}.${it}`, "all pods are in the cluster's network"));
  });
}

function ignored(what: string, why?: string): string {
  return why === undefined ? `${what} is ignored` : `${what} is ignored: ${why}`;
}

/** Those of the keys that are there, and are not merely turned off. */
function given<K extends string>(
  value: { readonly [key in K]?: Json | object | undefined } | undefined,
  keys: readonly K[],
): readonly K[] {
  if (value === undefined) return [];
  return keys.filter((it) => {
    const own = value[it];
    if (own === undefined || own === false) return false;
    return typeof own !== "object" || Object.keys(own ?? {}).length > 0;
  });
}
