/** The flags of `gantry run` and `create`, as texts where they have a language of their own. */
export interface ContainerOptions {
  readonly interactive?: boolean | undefined;
  readonly tty?: boolean | undefined;
  readonly rm?: boolean | undefined;
  readonly env: readonly string[];
  readonly envFile: readonly string[];
  readonly volume: readonly string[];
  readonly mount: readonly string[];
  readonly tmpfs: readonly string[];
  /** Containers whose volumes and binds are mounted at the same places; `:ro`. */
  readonly volumesFrom: readonly string[];
  readonly publish: readonly string[];
  readonly expose: readonly string[];
  readonly publishAll?: boolean | undefined;
  readonly entrypoint?: string | undefined;
  readonly user?: string | undefined;
  readonly workdir?: string | undefined;
  readonly readOnly?: boolean | undefined;
  readonly memory?: string | undefined;
  readonly memoryReservation?: string | undefined;
  readonly cpus?: string | undefined;
  readonly cpuPeriod?: number | undefined;
  readonly cpuQuota?: number | undefined;
  readonly memorySwap?: string | undefined;
  readonly pidsLimit?: string | undefined;
  readonly ulimit: readonly string[];
  readonly shmSize?: string | undefined;
  readonly network?: string | undefined;
  readonly networkAlias: readonly string[];
  readonly name?: string | undefined;
  readonly hostname?: string | undefined;
  readonly label: readonly string[];
  /** Files with a label on each line. */
  readonly labelFile: readonly string[];
  readonly annotation: readonly string[];
  /** `os/architecture` of the node. */
  readonly platform?: string | undefined;
  readonly privileged?: boolean | undefined;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly securityOpt: readonly string[];
  readonly groupAdd: readonly string[];
  readonly sysctl: readonly string[];
  readonly addHost: readonly string[];
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOption: readonly string[];
  readonly pid?: string | undefined;
  readonly ipc?: string | undefined;
  readonly init?: boolean | undefined;
  readonly restart?: string | undefined;
  readonly quiet?: boolean | undefined;
  readonly pull?: string | undefined;
  readonly stopTimeout?: number | undefined;
  readonly stopSignal?: string | undefined;
  readonly healthCmd?: string | undefined;
  readonly healthInterval?: string | undefined;
  readonly healthTimeout?: string | undefined;
  readonly healthRetries?: number | undefined;
  readonly healthStartPeriod?: string | undefined;
  readonly healthStartInterval?: string | undefined;
  /** False with `--no-healthcheck`. */
  readonly healthcheck?: boolean | undefined;
}

/** What the image says of itself, where it is known. */
export interface ImageFacts {
  readonly command: readonly string[];
  /** `80/tcp`. */
  readonly exposed: readonly string[];
  readonly stopSignal?: string | undefined;
  readonly health?: ImageHealth | undefined;
}

/** `HEALTHCHECK`, times in nanoseconds. */
export interface ImageHealth {
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}
