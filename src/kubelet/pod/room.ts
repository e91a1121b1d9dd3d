import type { Pod } from "#api/gen/types.ts";
import { isTerminal } from "./phase.ts";

/**
 * False for a pod whose room the scheduler has given away by what the API shows of it: one that was
 * deleted without a grace period, while its containers end here, and one whose containers have ended
 * for good, while its sandbox and volumes are taken apart.
 * @param shown the pod as the API shows it; undefined when it is gone.
 */
export function takesRoom(shown: Pod | undefined): boolean {
  return shown !== undefined && !isTerminal(shown.status?.phase);
}
