import type { Pod } from "#api/gen/types.ts";
import type { Verdict } from "#kubelet/pod/input.ts";
import { qosClass } from "#kubelet/pod/qos.ts";
import type { Pressure } from "./plan.ts";
import { isCritical } from "./rank.ts";

const memoryTaint = "node.kubernetes.io/memory-pressure";

/**
 * Why a node under pressure takes no such pod; undefined: it does. A shortage of memory alone keeps
 * out only pods that promise nothing. Upstream: `pkg/kubelet/eviction/eviction_manager.go`, Admit.
 */
export function pressureRefusal(pod: Pod, pressures: ReadonlySet<Pressure>): Verdict | undefined {
  if (pressures.size === 0 || isCritical(pod)) return undefined;
  const isMemoryAlone = pressures.size === 1 && pressures.has("MemoryPressure");
  if (isMemoryAlone && (qosClass(pod) !== "BestEffort" || tolerates(pod))) return undefined;
  const message = `The node had condition: [${[...pressures].join(" ")}]. `;
  return { reason: "Evicted", message };
}

function tolerates(pod: Pod): boolean {
  return (pod.spec?.tolerations ?? []).some(
    ({ key = "", operator = "Equal", value = "", effect = "" }) =>
      (effect === "" || effect === "NoSchedule") &&
      (key === memoryTaint || (key === "" && operator === "Exists")) &&
      (operator === "Exists" || value === ""),
  );
}
