import { builtin } from "#api/kinds/list.ts";
import type { AdmissionRequest } from "#apiserver/contract.ts";

/**
 * What a rule of admission is asked, for tests of rules: the creation of something in namespace `n`
 * by user `u`, but for what is given. @param to the resource, as `deployments.apps/status`.
 */
export function admissionRequestTo(
  to: string,
  given: Partial<AdmissionRequest> = {},
): AdmissionRequest {
  const [whole = "", subresource = ""] = to.split("/");
  const dot = whole.indexOf(".");
  const [plural, group] = dot < 0 ? [whole, ""] : [whole.slice(0, dot), whole.slice(dot + 1)];
  return {
    user: { name: "u", uid: "", groups: [], extra: {} },
    operation: "CREATE",
    namespace: "n",
    name: "",
    object: undefined,
    previous: undefined,
    dryRun: false,
    ...given,
    resource: builtin(group, plural),
    subresource,
  };
}
