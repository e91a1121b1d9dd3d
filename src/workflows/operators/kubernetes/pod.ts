import { readFile } from "node:fs/promises";
import { isJsonObject, type JsonObject } from "#api/object.ts";
import { parseTemplate } from "#workflows/executor/kubernetes/worker-pod.ts";
import { openTaskCluster } from "#workflows/kubernetes/cluster.ts";
import { operatorPod } from "#workflows/kubernetes/operator-pod.ts";
import { optionalText, type Operator, type OperatorCall } from "#workflows/operators/operator.ts";
import { podTemplated } from "#workflows/operators/templated.ts";
import { runPod } from "./run-pod.ts";
import { podSettings } from "./settings.ts";
import { deleteTaskPods, namespaceOf } from "./task-pods.ts";

/** Runs a pod to its end. */
export const kubernetesPodOperator: Operator = {
  templated: podTemplated,
  async execute(call) {
    await using cluster = await openTaskCluster(call);
    const pod = operatorPod(call.input, await templateOf(call));
    return await runPod(call, cluster, pod, podSettings(call.input));
  },
  async kill(call) {
    await using cluster = await openTaskCluster(call);
    const pod = operatorPod(call.input, await templateOf(call));
    await deleteTaskPods(call, cluster, namespaceOf(pod, cluster), call.context.signal);
  },
};

/** The pod below a task's own arguments. @throws {Error} for a file that is not one. */
export async function templateOf(call: OperatorCall): Promise<JsonObject> {
  const given = call.input["podTemplateDict"];
  if (isJsonObject(given)) return given;
  const file = optionalText(call, "podTemplateFile");
  return file === undefined ? {} : parseTemplate(await readFile(file, "utf8"), file);
}
