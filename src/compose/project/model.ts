import type { Json, JsonObject } from "#api/object.ts";
import type { HealthCheck } from "#containers/plan/probes.ts";

/**
 * A project as its files say it, in the long forms of the Compose specification: the same keys at the
 * same places. What manifests are made of, and what `compose config` prints. Absent fields are
 * undefined.
 */
export interface Project extends Extensions {
  readonly name: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, NamedVolume>>;
  readonly networks: Readonly<Record<string, Network>>;
  readonly configs: Readonly<Record<string, FileSource>>;
  readonly secrets: Readonly<Record<string, FileSource>>;
  readonly models?: Readonly<Record<string, Json>> | undefined;
}

export interface Extensions {
  readonly [extension: `x-${string}`]: Json | undefined;
}

/** Keys of services that are kept as they are written: nothing here gives them a meaning. */
export const carriedKeys = [
  ...([
    "blkio_config",
    "cgroup",
    "cgroup_parent",
    "cpu_count",
    "cpu_percent",
    "cpu_rt_period",
  ] as const),
  ...([
    "cpu_rt_runtime",
    "cpu_shares",
    "cpuset",
    "credential_spec",
    "device_cgroup_rules",
  ] as const),
  ...(["devices", "external_links", "gpus", "isolation", "logging", "mac_address"] as const),
  ...(["mem_swappiness", "memswap_limit", "models", "oom_kill_disable", "oom_score_adj"] as const),
  ...(["pids_limit", "pre_start", "provider", "pull_refresh_after", "storage_opt"] as const),
  ...(["ulimits", "use_api_socket", "userns_mode", "uts"] as const),
] as const;

type Carried = { readonly [K in (typeof carriedKeys)[number]]?: Json | undefined };

export interface Service extends Carried, Extensions {
  readonly image?: string | undefined;
  readonly build?: Build | undefined;
  /** Undefined: that of the image. Empty: none. */
  readonly command?: readonly string[] | undefined;
  readonly entrypoint?: readonly string[] | undefined;
  /** Null: not set where the project was read. */
  readonly environment?: Readonly<Record<string, string | null>> | undefined;
  readonly env_file?: readonly EnvFile[] | undefined;
  /** Absolute paths of files of `name=value` lines. */
  readonly label_file?: readonly string[] | undefined;
  readonly ports?: readonly Port[] | undefined;
  /** `80` or `53/udp`. */
  readonly expose?: readonly string[] | undefined;
  readonly volumes?: readonly Mount[] | undefined;
  /** `service[:ro|rw]`, or `container:name`. */
  readonly volumes_from?: readonly string[] | undefined;
  /** `/run` or `/run:size=64m,mode=1777`. */
  readonly tmpfs?: readonly string[] | undefined;
  readonly configs?: readonly FileMount[] | undefined;
  readonly secrets?: readonly FileMount[] | undefined;
  readonly depends_on?: Readonly<Record<string, Dependency>> | undefined;
  readonly healthcheck?: HealthCheck | undefined;
  /** Null stands for a network without settings. */
  readonly networks?: Readonly<Record<string, NetworkUse | null>> | undefined;
  readonly network_mode?: string | undefined;
  /** `service` or `service:alias`. */
  readonly links?: readonly string[] | undefined;
  readonly restart?: string | undefined;
  readonly scale?: number | undefined;
  readonly deploy?: Deploy | undefined;
  readonly profiles?: readonly string[] | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** False: `up` does not print its logs. */
  readonly attach?: boolean | undefined;
  readonly post_start?: readonly Hook[] | undefined;
  readonly pre_stop?: readonly Hook[] | undefined;
  readonly develop?: Develop | undefined;
  readonly container_name?: string | undefined;
  readonly hostname?: string | undefined;
  readonly domainname?: string | undefined;
  readonly user?: string | undefined;
  readonly group_add?: readonly string[] | undefined;
  readonly working_dir?: string | undefined;
  readonly stdin_open?: boolean | undefined;
  readonly tty?: boolean | undefined;
  readonly privileged?: boolean | undefined;
  readonly read_only?: boolean | undefined;
  readonly init?: boolean | undefined;
  readonly cap_add?: readonly string[] | undefined;
  readonly cap_drop?: readonly string[] | undefined;
  readonly security_opt?: readonly string[] | undefined;
  readonly sysctls?: Readonly<Record<string, string>> | undefined;
  /** `host=address`. */
  readonly extra_hosts?: readonly string[] | undefined;
  readonly dns?: readonly string[] | undefined;
  readonly dns_search?: readonly string[] | undefined;
  readonly dns_opt?: readonly string[] | undefined;
  readonly pid?: string | undefined;
  readonly ipc?: string | undefined;
  readonly runtime?: string | undefined;
  readonly platform?: string | undefined;
  readonly pull_policy?: string | undefined;
  readonly stop_signal?: string | undefined;
  /** Milliseconds. */
  readonly stop_grace_period?: number | undefined;
  /** Bytes. */
  readonly shm_size?: number | undefined;
  readonly mem_limit?: number | undefined;
  readonly mem_reservation?: number | undefined;
  readonly cpus?: number | undefined;
  /** Microseconds. */
  readonly cpu_quota?: number | undefined;
  readonly cpu_period?: number | undefined;
}

/** A command in a container, after its start or before its end. */
export interface Hook extends Extensions {
  readonly command: readonly string[];
  readonly user?: string | undefined;
  readonly privileged?: boolean | undefined;
  readonly working_dir?: string | undefined;
  readonly environment?: Readonly<Record<string, string | null>> | undefined;
}

export interface Develop {
  readonly watch?: readonly Watch[] | undefined;
}

export interface Watch {
  /** Absolute. */
  readonly path: string;
  readonly action: "rebuild" | "sync" | "restart" | "sync+restart" | "sync+exec";
  readonly target?: string | undefined;
  readonly ignore?: readonly string[] | undefined;
  readonly include?: readonly string[] | undefined;
  readonly exec?: Hook | undefined;
  readonly initial_sync?: boolean | undefined;
}

export interface Build {
  /** Undefined, until the files are merged: the project's directory. */
  readonly context?: string | undefined;
  readonly dockerfile?: string | undefined;
  readonly dockerfile_inline?: string | undefined;
  readonly args?: Readonly<Record<string, string | null>> | undefined;
  readonly target?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly no_cache?: boolean | undefined;
  readonly pull?: boolean | undefined;
  readonly network?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly platforms?: readonly string[] | undefined;
  readonly secrets?: readonly FileMount[] | undefined;
  /** `default`, or `id=path`. */
  readonly ssh?: readonly string[] | undefined;
  /** Absolute paths, URLs, or `service:name`. */
  readonly additional_contexts?: Readonly<Record<string, string>> | undefined;
  /** `host=address`. */
  readonly extra_hosts?: readonly string[] | undefined;
  readonly cache_from?: readonly string[] | undefined;
  readonly cache_to?: readonly string[] | undefined;
  readonly entitlements?: readonly string[] | undefined;
  readonly no_cache_filter?: readonly string[] | undefined;
  readonly isolation?: string | undefined;
  readonly privileged?: boolean | undefined;
  readonly provenance?: string | undefined;
  readonly sbom?: string | undefined;
  /** Bytes. */
  readonly shm_size?: number | undefined;
  readonly ulimits?: Json | undefined;
}

export interface EnvFile {
  readonly path: string;
  /** False: it may be missing. */
  readonly required?: boolean | undefined;
  /** `raw`: lines are values as they are. */
  readonly format?: string | undefined;
}

export interface Port {
  readonly target: number;
  /** A port or a range, of which the first is taken; undefined: any free one. */
  readonly published?: string | undefined;
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly host_ip?: string | undefined;
  readonly mode: "ingress" | "host";
  readonly name?: string | undefined;
  readonly app_protocol?: string | undefined;
}

export interface Mount {
  readonly type: "volume" | "bind" | "tmpfs" | "image";
  /** A volume's name, a path or an image; undefined for a volume without a name and for tmpfs. */
  readonly source?: string | undefined;
  readonly target: string;
  readonly read_only?: boolean | undefined;
  readonly consistency?: string | undefined;
  readonly bind?:
    | {
        /** Unless false, a directory is made where there is none. */
        readonly create_host_path?: boolean | undefined;
        readonly propagation?: string | undefined;
        readonly recursive?: string | undefined;
        readonly selinux?: string | undefined;
      }
    | undefined;
  readonly volume?:
    | {
        readonly labels?: Readonly<Record<string, string>> | undefined;
        /** It begins empty, whatever the image has there. */
        readonly nocopy?: boolean | undefined;
        readonly subpath?: string | undefined;
      }
    | undefined;
  /** Size in bytes. */
  readonly tmpfs?:
    { readonly size?: number | undefined; readonly mode?: number | undefined } | undefined;
  readonly image?: { readonly subpath?: string | undefined } | undefined;
}

export interface FileMount {
  readonly source: string;
  /** Absolute, or below the usual place; undefined: the source's name there. */
  readonly target?: string | undefined;
  readonly mode?: number | undefined;
  readonly uid?: string | undefined;
  readonly gid?: string | undefined;
}

/** Where the content of a config or a secret comes from: just one of the first three. */
export interface FileSource {
  readonly file?: string | undefined;
  readonly environment?: string | undefined;
  readonly content?: string | undefined;
  /** It is there already, under its name. */
  readonly external?: boolean | undefined;
  readonly name?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly driver?: string | undefined;
  readonly driver_opts?: Readonly<Record<string, string>> | undefined;
  readonly template_driver?: string | undefined;
}

export const conditions = [
  "service_started",
  "service_healthy",
  "service_completed_successfully",
] as const;

export interface Dependency {
  readonly condition: (typeof conditions)[number];
  /** False: the service runs without it, too. */
  readonly required?: boolean | undefined;
  /** The service begins anew when the dependency does. */
  readonly restart?: boolean | undefined;
}

/** What else a network's use may say is kept as it is written. */
export interface NetworkUse {
  readonly aliases?: readonly string[] | undefined;
  readonly [setting: string]: Json | readonly string[] | undefined;
}

export interface Deploy {
  readonly mode?: "replicated" | "global" | "replicated-job" | "global-job" | undefined;
  readonly endpoint_mode?: "vip" | "dnsrr" | undefined;
  readonly replicas?: number | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly resources?:
    | { readonly limits?: Amounts | undefined; readonly reservations?: Amounts | undefined }
    | undefined;
  readonly restart_policy?:
    | {
        readonly condition?: "none" | "on-failure" | "any" | undefined;
        readonly max_attempts?: number | undefined;
        /** Milliseconds. */
        readonly delay?: number | undefined;
        readonly window?: number | undefined;
      }
    | undefined;
  readonly update_config?: Update | undefined;
  readonly rollback_config?: Update | undefined;
  readonly placement?:
    | {
        readonly constraints?: readonly string[] | undefined;
        readonly preferences?: readonly { readonly spread?: string | undefined }[] | undefined;
        readonly max_replicas_per_node?: number | undefined;
      }
    | undefined;
}

export interface Update {
  readonly parallelism?: number | undefined;
  /** Milliseconds. */
  readonly delay?: number | undefined;
  readonly monitor?: number | undefined;
  readonly failure_action?: string | undefined;
  readonly max_failure_ratio?: number | undefined;
  readonly order?: "start-first" | "stop-first" | undefined;
}

export interface Amounts {
  readonly cpus?: number | undefined;
  /** Bytes. */
  readonly memory?: number | undefined;
  readonly pids?: number | undefined;
  readonly devices?: Json | undefined;
  readonly generic_resources?: Json | undefined;
}

export interface NamedVolume extends Extensions {
  readonly external?: boolean | undefined;
  readonly name?: string | undefined;
  readonly driver?: string | undefined;
  readonly driver_opts?: Readonly<Record<string, string>> | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

export interface Network extends Extensions {
  readonly external?: boolean | undefined;
  readonly internal?: boolean | undefined;
  readonly name?: string | undefined;
  readonly driver?: string | undefined;
  readonly driver_opts?: Readonly<Record<string, string>> | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly attachable?: boolean | undefined;
  readonly enable_ipv4?: boolean | undefined;
  readonly enable_ipv6?: boolean | undefined;
  readonly ipam?: JsonObject | undefined;
}
