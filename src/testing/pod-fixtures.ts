import type { Container, Pod, PodSpec } from "#api/gen/types.ts";
import type { ContainerState, ContainerStatus, SandboxStatus } from "#cri/runtime.ts";

/** A pod on a node, as the API server hands it out, for tests of the node agent. */
export function podOf(spec: Partial<PodSpec> = {}, metadata: Pod["metadata"] = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace: "default", uid: "u1", generation: 1, ...metadata },
    spec: {
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 30,
      enableServiceLinks: true,
      nodeName: "node-1",
      containers: [containerOf("app")],
      ...spec,
    },
  };
}

export function containerOf(name: string, more: Partial<Container> = {}): Container {
  return { name, image: "busybox:1", imagePullPolicy: "IfNotPresent", ...more };
}

export interface InstanceOptions {
  readonly state?: ContainerState;
  readonly attempt?: number;
  readonly sandboxId?: string;
  readonly exitCode?: number;
  readonly ranMs?: number;
  readonly backoffMs?: number;
  readonly image?: string;
  readonly startedAtMs?: number;
  readonly reason?: string;
  readonly message?: string;
}

/** One instance of a container in the runtime; its id is `name-attempt`. */
export function instance(name: string, options: InstanceOptions = {}): ContainerStatus {
  const attempt = options.attempt ?? 0;
  const startedAtMs = options.startedAtMs ?? 1_000 + attempt;
  const state = options.state ?? "running";
  const image = options.image ?? "busybox:1";
  return {
    id: `${name}-${attempt}`,
    sandboxId: options.sandboxId ?? "s0",
    metadata: { name, attempt },
    image,
    imageId: `sha256:${image}`,
    state,
    createdAtMs: startedAtMs,
    startedAtMs: state === "created" ? 0 : startedAtMs,
    finishedAtMs: state === "exited" ? startedAtMs + (options.ranMs ?? 1_000) : 0,
    exitCode: options.exitCode ?? 0,
    reason: options.reason ?? "",
    message: options.message ?? "",
    labels: { "io.kubernetes.container.name": name },
    annotations: {
      "io.kubernetes.container.hash": `${name}=${image}`,
      "node.gantry/restart-backoff-ms": String(options.backoffMs ?? 0),
    },
    logPath: "",
    pid: undefined,
  };
}

export function exited(name: string, options: InstanceOptions = {}): ContainerStatus {
  return instance(name, { ...options, state: "exited" });
}

export function sandbox(more: Partial<SandboxStatus> = {}): SandboxStatus {
  return {
    id: "s0",
    metadata: { name: "web", namespace: "default", uid: "u1", attempt: 0 },
    state: "ready",
    createdAtMs: 500,
    labels: {},
    annotations: {},
    ips: ["10.1.0.5"],
    pid: undefined,
    ...more,
  };
}
