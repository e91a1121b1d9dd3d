import type { HealthCheck } from "#containers/plan/probes.ts";

/**
 * A project as its files say it, in the long forms of the Compose specification: what
 * `compose config` prints, and what manifests are made of. Absent fields are undefined.
 */
export interface Project {
  readonly name: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, NamedVolume>>;
  readonly networks: Readonly<Record<string, Network>>;
  readonly configs: Readonly<Record<string, FileSource>>;
  readonly secrets: Readonly<Record<string, FileSource>>;
}

export interface Service {
  readonly image?: string | undefined;
  readonly build?: Build | undefined;
  /** Undefined: that of the image. Empty: none. */
  readonly command?: readonly string[] | undefined;
  readonly entrypoint?: readonly string[] | undefined;
  /** Null: not set where the project was read. */
  readonly environment?: Readonly<Record<string, string | null>> | undefined;
  readonly env_file?: readonly EnvFile[] | undefined;
  readonly ports?: readonly Port[] | undefined;
  /** `80` or `53/udp`. */
  readonly expose?: readonly string[] | undefined;
  readonly volumes?: readonly Mount[] | undefined;
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
  readonly extra_hosts?: Readonly<Record<string, string>> | undefined;
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
  /** Keys that are known and have no counterpart in a cluster. */
  readonly ignored?: readonly string[] | undefined;
}

export interface Build {
  readonly context: string;
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
  readonly secrets?: readonly string[] | undefined;
}

export interface EnvFile {
  readonly path: string;
  readonly required: boolean;
}

export interface Port {
  readonly target: number;
  /** Undefined: any free one. */
  readonly published?: number | undefined;
  readonly protocol: "tcp" | "udp";
  readonly host_ip?: string | undefined;
  readonly mode: "ingress" | "host";
}

export interface Mount {
  readonly type: "volume" | "bind" | "tmpfs";
  /** A volume's name, or a path; undefined for a volume without a name and for tmpfs. */
  readonly source?: string | undefined;
  readonly target: string;
  readonly read_only?: boolean | undefined;
  readonly subpath?: string | undefined;
  /** Of a volume: it begins empty, whatever the image has there. */
  readonly no_copy?: boolean | undefined;
  /** Of a bind: made as a directory when it is not there. */
  readonly create_host_path?: boolean | undefined;
  readonly propagation?: string | undefined;
  /** Bytes of a tmpfs. */
  readonly size?: number | undefined;
}

export interface FileMount {
  readonly source: string;
  /** Absolute, or below the usual place; undefined: the source's name there. */
  readonly target?: string | undefined;
  readonly mode?: number | undefined;
}

/** Where the content of a config or a secret comes from: just one of the first three. */
export interface FileSource {
  readonly file?: string | undefined;
  readonly environment?: string | undefined;
  readonly content?: string | undefined;
  /** It is there already, under its name. */
  readonly external?: boolean | undefined;
  readonly name?: string | undefined;
}

export const conditions = [
  "service_started",
  "service_healthy",
  "service_completed_successfully",
] as const;

export interface Dependency {
  readonly condition: (typeof conditions)[number];
  readonly required: boolean;
  readonly restart: boolean;
}

export interface NetworkUse {
  readonly aliases?: readonly string[] | undefined;
}

export interface Deploy {
  readonly mode?: "replicated" | "global" | "replicated-job" | "global-job" | undefined;
  readonly replicas?: number | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly limits?: Amounts | undefined;
  readonly reservations?: Amounts | undefined;
  readonly restart_condition?: "none" | "on-failure" | "any" | undefined;
  readonly max_attempts?: number | undefined;
}

export interface Amounts {
  readonly cpus?: number | undefined;
  /** Bytes. */
  readonly memory?: number | undefined;
}

export interface NamedVolume {
  readonly external?: boolean | undefined;
  readonly name?: string | undefined;
  readonly driver_opts?: Readonly<Record<string, string>> | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

export interface Network {
  readonly external?: boolean | undefined;
  readonly internal?: boolean | undefined;
  readonly name?: string | undefined;
}
