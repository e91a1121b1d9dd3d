import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { openTaskCluster } from "#workflows/kubernetes/cluster.ts";
import { operatorPod } from "#workflows/kubernetes/operator-pod.ts";
import { runPod } from "#workflows/operators/kubernetes/run-pod.ts";
import { exitCodes, podSettings } from "#workflows/operators/kubernetes/settings.ts";
import { deleteTaskPods } from "#workflows/operators/kubernetes/task-pods.ts";
import {
  requiredText,
  type Operator,
  type OperatorCall,
  type OperatorResult,
} from "#workflows/operators/operator.ts";
import { dockerTemplated } from "#workflows/operators/templated.ts";
import { environmentOf, words } from "./container.ts";
import { findDockerPlace } from "./place.ts";
import { handedOn, runContainer } from "./run-container.ts";
import { stopTaskContainers } from "./task-containers.ts";

/** Runs a container to its end: at a Docker host, or as a pod where there is none. */
export const dockerOperator: Operator = {
  templated: dockerTemplated,
  async execute(call) {
    for (const it of Object.values(privateOf(call))) call.log.addSecret(it);
    const place = await findDockerPlace(call);
    return place === undefined ? await runAsPod(call) : await runContainer(call, place);
  },
  async kill(call) {
    const place = await findDockerPlace(call);
    if (place !== undefined) {
      await stopTaskContainers(call, place.engine);
      return;
    }
    await using cluster = await openTaskCluster(call);
    await deleteTaskPods(call, cluster, cluster.namespace, call.context.signal);
  },
};

function privateOf({ input }: OperatorCall): Readonly<Record<string, string>> {
  return environmentOf({ privateEnvironment: input["privateEnvironment"] ?? null });
}

/** The same container in a pod of the cluster that the task has. */
async function runAsPod(call: OperatorCall): Promise<OperatorResult> {
  const { input } = call;
  await using cluster = await openTaskCluster(call);
  const pod = operatorPod(
    {
      image: requiredText(call, "image"),
      ...present("name", input["containerName"]),
      ...present("cmds", words(input["entrypoint"])),
      ...present("arguments", words(input["command"])),
      envVars: { ...environmentOf(input) },
      ...present("labels", input["labels"]),
      ...present("hostname", input["hostname"]),
      ...podSpecOf(input),
      imagePullPolicy: input["forcePull"] === true ? "Always" : "IfNotPresent",
      ...present("containerResources", resourcesOf(input)),
    },
    {},
  );
  const lines: string[] = [];
  const settings = {
    ...podSettings({}),
    skipOnExitCodes: exitCodes(input["skipOnExitCode"]),
    hear: (line: string) => lines.push(line),
  };
  const result = await runPod(call, cluster, pod, settings);
  return { ...result, value: handedOn(call, lines) };
}

function present(name: string, value: Json | string[] | undefined): Record<string, Json> {
  return value == null ? {} : { [name]: value };
}

/** `512m` of Docker is `512Mi` of Kubernetes. */
function podSize(value: Json): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.replace(/([kmg])b?$/i, (_, unit: string) => `${unit.toUpperCase()}i`);
}

/** What a pod calls it. Shares of the processor are what a request for it becomes. */
function resourcesOf(input: OperatorCall["input"]): JsonObject {
  const { cpus, memLimit: memory } = input;
  return {
    ...(typeof cpus === "number" ? { requests: { cpu: String(cpus) } } : {}),
    ...(memory == null ? {} : { limits: { memory: podSize(memory) } }),
  };
}

/** What operators of pods have no argument for. */
function podSpecOf(input: OperatorCall["input"]): Record<string, Json> {
  const { user, workingDir, privileged, capAdd, extraHosts, dns, dnsSearch } = input;
  const container = {
    name: "base",
    ...present("workingDir", workingDir),
    ...(input["tty"] === true ? { tty: true } : {}),
    securityContext: {
      ...(isUserNumber(user) ? { runAsUser: Number(user) } : {}),
      ...(privileged === true ? { privileged } : {}),
      ...(Array.isArray(capAdd) ? { capabilities: { add: capAdd } } : {}),
    },
  };
  const hosts = isJsonObject(extraHosts) ? Object.entries(extraHosts) : [];
  const hostAliases = hosts.map(([name, ip]) => ({ ip: ip ?? null, hostnames: [name] }));
  const dnsConfig = { ...present("nameservers", dns), ...present("searches", dnsSearch) };
  const spec = {
    containers: [container],
    ...(hostAliases.length === 0 ? {} : { hostAliases }),
    ...(Object.keys(dnsConfig).length === 0 ? {} : { dnsConfig }),
    ...(input["networkMode"] === "host" ? { hostNetwork: true } : {}),
  };
  return { fullPodSpec: { spec } };
}

/** Pods know users by number only. */
function isUserNumber(user: Json | undefined): boolean {
  return typeof user === "number" || (typeof user === "string" && /^\d+$/.test(user));
}
