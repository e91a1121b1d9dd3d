import { childList, isJsonObject } from "#api/object.ts";
import type { AdmissionRule } from "#apiserver/contract.ts";
import { isAbout, specOf } from "./request.ts";

const notReady = "node.kubernetes.io/not-ready";
const unreachable = "node.kubernetes.io/unreachable";
/** How long a pod stays bound to a node that fails. */
const tolerationSeconds = 300;

/** Every pod leaves a failed node after five minutes, unless it says otherwise itself. */
export const defaultTolerationSeconds: AdmissionRule = {
  name: "DefaultTolerationSeconds",
  mutate({ object, operation, ...request }) {
    const writes = operation === "CREATE" || operation === "UPDATE";
    if (
      !writes ||
      object === undefined ||
      !isAbout({ object, operation, ...request }, "", "pods")
    ) {
      return;
    }
    const spec = specOf(object);
    const tolerations = childList(spec, "tolerations");
    const added = [notReady, unreachable]
      .filter((key) => !tolerations.some((it) => isJsonObject(it) && tolerates(it, key)))
      .map((key) => ({ effect: "NoExecute", key, operator: "Exists", tolerationSeconds }));
    if (added.length > 0) spec["tolerations"] = [...tolerations, ...added];
  },
};

function tolerates(toleration: { readonly [key: string]: unknown }, key: string): boolean {
  const has = toleration["key"] ?? "";
  const effect = toleration["effect"] ?? "";
  return (has === key || has === "") && (effect === "NoExecute" || effect === "");
}

/** A new node takes no pods until it has said that it is ready. */
export const taintNodesByCondition: AdmissionRule = {
  name: "TaintNodesByCondition",
  mutate(request) {
    const { object } = request;
    if (request.operation !== "CREATE" || object === undefined) return;
    if (!isAbout(request, "", "nodes")) return;
    const spec = specOf(object);
    const taints = childList(spec, "taints");
    const has = taints.some((it) => {
      return isJsonObject(it) && it["key"] === notReady && it["effect"] === "NoSchedule";
    });
    if (!has) spec["taints"] = [...taints, { effect: "NoSchedule", key: notReady }];
  },
};
