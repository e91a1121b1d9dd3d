import type { Pod, Volume } from "#api/gen/types.ts";
import { idOf, nameOf, podName } from "./find.ts";
import { isPaused } from "./labels.ts";
import { commandOf, imageOf, labelsOf, networkNames, stateWord } from "./facts.ts";
import { containerStateOf, healthState } from "./state.ts";
import type { Fields } from "#base/go-template/values.ts";

/** What `gantry inspect` shows of a container: Docker's fields, as far as a pod has them. */
export function inspectContainer(pod: Pod): Fields {
  const [path = "", ...args] = commandOf(pod);
  const { name = "", namespace = "", creationTimestamp = "" } = pod.metadata ?? {};
  const { podIP: address = "", containerStatuses: [own] = [] } = pod.status ?? {};
  const networks = networkNames(pod).map((it) => [it, { IPAddress: address }]);
  return {
    Id: idOf(pod),
    Created: creationTimestamp,
    Path: path,
    Args: args,
    State: stateOf(pod),
    Image: own?.imageID ?? "",
    Name: `/${nameOf(pod)}`,
    RestartCount: own?.restartCount ?? 0,
    HostConfig: hostConfigOf(pod),
    Mounts: mountsOf(pod),
    Config: configOf(pod),
    NetworkSettings: {
      IPAddress: address,
      Ports: portBindings(pod),
      Networks: Object.fromEntries(networks) as Fields,
    },
    Pod: { Namespace: namespace, Name: name },
  };
}

function hostConfigOf(pod: Pod): Fields {
  const { securityContext, resources } = pod.spec?.containers[0] ?? {};
  return {
    NetworkMode: networkNames(pod)[0] ?? "",
    PortBindings: portBindings(pod),
    RestartPolicy: { Name: restartName(pod) },
    Privileged: securityContext?.privileged ?? false,
    ReadonlyRootfs: securityContext?.readOnlyRootFilesystem ?? false,
    Memory: Number(resources?.limits?.["memory"] ?? 0),
  };
}

function configOf(pod: Pod): Fields {
  const [container = { name: "" }] = pod.spec?.containers ?? [];
  const { securityContext, tty = false, stdin = false, env = [], workingDir = "" } = container;
  const { args = null, command = null } = container;
  return {
    Hostname: pod.spec?.hostname ?? podName(pod),
    User: String(securityContext?.runAsUser ?? ""),
    Tty: tty,
    OpenStdin: stdin,
    Env: env.map((it) => `${it.name}=${it.value ?? ""}`),
    Cmd: args,
    Entrypoint: command,
    Image: imageOf(pod),
    WorkingDir: workingDir,
    Labels: labelsOf(pod),
  };
}

const zeroTime = "0001-01-01T00:00:00Z";

function stateOf(pod: Pod): Fields {
  const state = containerStateOf(pod);
  const terminated = pod.status?.containerStatuses?.[0]?.state?.terminated;
  const health = healthState(pod);
  return {
    Status: stateWord(pod),
    Running: state.kind === "running",
    Paused: state.kind === "running" && isPaused(pod),
    Restarting: state.kind === "restarting",
    OOMKilled: terminated?.reason === "OOMKilled",
    ExitCode: "code" in state ? state.code : 0,
    Error: state.kind === "failed" ? state.message : "",
    StartedAt: state.kind === "running" ? state.startedAt : (terminated?.startedAt ?? zeroTime),
    FinishedAt: "finishedAt" in state ? state.finishedAt : zeroTime,
    ...(health === undefined ? {} : { Health: { Status: health } }),
  };
}

function restartName(pod: Pod): string {
  const names: Readonly<Record<string, string>> = { Always: "always", OnFailure: "on-failure" };
  return names[pod.spec?.restartPolicy ?? ""] ?? "no";
}

function portBindings(pod: Pod): Record<string, object[] | null> {
  const ports = pod.spec?.containers[0]?.ports ?? [];
  return Object.fromEntries(
    ports.map(({ containerPort, protocol = "TCP", hostPort, hostIP }) => [
      `${containerPort}/${protocol.toLowerCase()}`,
      hostPort === undefined ? null : [{ HostIp: hostIP ?? "0.0.0.0", HostPort: String(hostPort) }],
    ]),
  );
}

function mountsOf(pod: Pod): object[] {
  const volumes = new Map((pod.spec?.volumes ?? []).map((it) => [it.name, it]));
  return (pod.spec?.containers[0]?.volumeMounts ?? []).map((mount) => {
    const volume = volumes.get(mount.name);
    const claim = volume?.persistentVolumeClaim?.claimName;
    const path = volume?.hostPath?.path;
    return {
      Type: mountType(volume),
      ...(claim === undefined ? {} : { Name: claim }),
      Source: path ?? "",
      Destination: mount.mountPath,
      RW: mount.readOnly !== true,
    };
  });
}

function mountType(volume: Volume | undefined): "bind" | "tmpfs" | "volume" {
  if (volume?.hostPath !== undefined) return "bind";
  return volume?.emptyDir?.medium === "Memory" ? "tmpfs" : "volume";
}
