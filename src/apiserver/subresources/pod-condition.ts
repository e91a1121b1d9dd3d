import { childList, ensureObject, isJsonObject, type JsonObject } from "#api/object.ts";

/** A condition that the server itself makes true, and its cause where there is one to tell. */
export interface TrueCondition {
  readonly type: string;
  readonly cause?: { readonly reason: string; readonly message: string };
}

/** Makes the condition of the pod true, as of `now`; it replaces the one of its type. */
export function setTrueCondition(pod: JsonObject, condition: TrueCondition, now: string): void {
  const status = ensureObject(pod, "status");
  const others = childList(status, "conditions").filter(
    (it) => !isJsonObject(it) || it["type"] !== condition.type,
  );
  const made = {
    type: condition.type,
    status: "True",
    lastProbeTime: null,
    lastTransitionTime: now,
    ...condition.cause,
  };
  status["conditions"] = [...others, made];
}
