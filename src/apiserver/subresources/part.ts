import { prepareApproval, validateApprovalUpdate } from "#api/rules/certificates/rules.ts";
import {
  prepareNamespaceFinalize,
  validateNamespaceFinalize,
} from "#api/rules/cluster/validation.ts";
import {
  prepareEphemeralContainers,
  prepareResize,
  validateEphemeralContainersUpdate,
  validateResize,
} from "#api/rules/pod/subresources.ts";
import { methodNotSupported } from "#api/status.ts";
import type { Strategy } from "#api/strategy.ts";
import type { Call } from "#apiserver/call.ts";
import type { ApiResponse } from "#apiserver/http/exchange.ts";
import type { PartRules } from "#apiserver/registry/update.ts";
import type { ResourceEndpoint } from "#apiserver/resource-endpoint.ts";

/**
 * The rules of a subresource that speaks the whole object and changes one part of it; undefined
 * where the name is none of those.
 */
export function partRulesOf(
  storageKey: string,
  subresource: string,
  strategy: Strategy,
): PartRules | undefined {
  switch (`${storageKey}/${subresource}`) {
    case "core/pods/ephemeralcontainers":
      return {
        prepare: prepareEphemeralContainers,
        validate: (next, previous) => [
          ...strategy.validate(next),
          ...validateEphemeralContainersUpdate(next, previous),
        ],
      };
    case "core/pods/resize":
      return {
        prepare: prepareResize,
        validate: (next, previous) => [
          ...strategy.validate(next),
          ...validateResize(next, previous),
        ],
      };
    case "core/namespaces/finalize":
      return { prepare: prepareNamespaceFinalize, validate: validateNamespaceFinalize };
    case "certificates.k8s.io/certificatesigningrequests/approval":
      return { prepare: prepareApproval, validate: validateApprovalUpdate };
    default:
      return undefined;
  }
}

/** Serves get, update and patch of such a subresource. */
export async function servePart(
  endpoint: ResourceEndpoint,
  call: Call,
  rules: PartRules,
): Promise<ApiResponse> {
  switch (call.info.verb) {
    case "get":
      return await endpoint.get(call);
    case "update":
      return await endpoint.update(call, rules);
    case "patch":
      return await endpoint.patch(call, rules);
    default:
      throw methodNotSupported(endpoint.kind.resource, call.info.verb);
  }
}
