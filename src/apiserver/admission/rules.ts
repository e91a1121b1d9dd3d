import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { AdmissionRule, ObjectSink, ObjectSource } from "#apiserver/contract.ts";
import type { Authorization } from "#apiserver/auth/authorize.ts";
import { certificateRequests, type ReadCertificateRequest } from "./certificate-requests.ts";
import { disruptionBudgets } from "./disruption-budgets.ts";
import { limitRanges } from "./limits/limit-ranges.ts";
import { namespaceLifecycle } from "./namespace-lifecycle.ts";
import { nodeRestriction } from "./node-restriction.ts";
import { podSecurity } from "./pod-security/pod-security.ts";
import { priority } from "./priority.ts";
import { resourceQuotas } from "./quota/resource-quotas.ts";
import { roleEscalation } from "./role-escalation.ts";
import { runtimeClass } from "./runtime-class.ts";
import { serviceAccount } from "./service-account.ts";
import { ServicePool } from "./service/pool.ts";
import { parseRange } from "./service/range.ts";
import { serviceAddresses } from "./service/service-addresses.ts";
import {
  claimResize,
  defaultIngressClass,
  defaultStorageClass,
  storageObjectInUseProtection,
} from "./storage.ts";
import { defaultTolerationSeconds, taintNodesByCondition } from "./taints.ts";

export interface AdmissionParts {
  readonly objects: ObjectSource;
  readonly sink: ObjectSink;
  readonly authorization: Authorization;
  readonly clock: Clock;
  readonly random: Random;
  /** Cluster IPs of services, `10.96.0.0/16`. */
  readonly serviceRange: string;
  /** `Authority.readRequest` of pki. */
  readonly readCertificateRequest: ReadCertificateRequest;
  /**
   * Whether the controllers run that take away the finalizers of volumes and claims. Without them
   * a deleted claim would stay for ever.
   */
  readonly protectsStorage: boolean;
}

/**
 * The built-in admission rules, in upstream's order (`pkg/kubeapiserver/options/plugins.go`); the
 * addresses of services, which upstream's registry gives out afterwards, come before what charges
 * quotas.
 * @throws {Error} when the service range is not one.
 */
export function admissionRules(parts: AdmissionParts): AdmissionRule[] {
  const { objects, authorization, clock, random } = parts;
  const pool = new ServicePool(parseRange(parts.serviceRange), objects, clock, random);
  return [
    namespaceLifecycle(objects),
    limitRanges(objects),
    serviceAccount(objects, clock, random),
    nodeRestriction(objects, authorization.authorizer),
    taintNodesByCondition,
    podSecurity(objects),
    priority(objects),
    defaultTolerationSeconds,
    defaultStorageClass(objects),
    claimResize(objects),
    ...(parts.protectsStorage ? [storageObjectInUseProtection] : []),
    runtimeClass(objects),
    certificateRequests(authorization.authorizer, parts.readCertificateRequest),
    defaultIngressClass(objects),
    roleEscalation(authorization),
    disruptionBudgets(objects, parts.sink, clock),
    serviceAddresses(pool),
    resourceQuotas(objects, parts.sink, clock),
  ];
}
