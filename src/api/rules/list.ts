import type { Resource } from "#api/resource.ts";
import type { Strategy } from "#api/strategy.ts";
import {
  mutatingPolicyBindingRules,
  mutatingPolicyRules,
  mutatingWebhookRules,
  validatingPolicyBindingRules,
  validatingPolicyRules,
  validatingWebhookRules,
} from "./admission/rules.ts";
import {
  controllerRevisionRules,
  daemonSetRules,
  deploymentRules,
  podTemplateRules,
  replicaSetRules,
  replicationControllerRules,
  statefulSetRules,
} from "./apps/rules.ts";
import { autoscalerRules, oldAutoscalerStrategy } from "./autoscaling/rules.ts";
import { cronJobRules, jobRules } from "./batch/rules.ts";
import { signingRequestRules } from "./certificates/rules.ts";
import { namespaceRules, nodeRules } from "./cluster/rules.ts";
import { compose } from "./compose.ts";
import { configMapRules, secretRules, serviceAccountRules } from "./config/rules.ts";
import {
  deviceClassRules,
  resourceClaimRules,
  resourceClaimTemplateRules,
  resourceSliceRules,
} from "./devices/rules.ts";
import { eventRules, newEventStrategy } from "./events/rules.ts";
import { flowSchemaRules, priorityLevelRules } from "./flowcontrol/rules.ts";
import {
  ingressClassRules,
  ingressRules,
  ipAddressRules,
  networkPolicyRules,
  serviceCidrRules,
} from "./networking/rules.ts";
import { podRules } from "./pod/rules.ts";
import { podDisruptionBudgetRules } from "./policy/rules.ts";
import { limitRangeRules, resourceQuotaRules } from "./quota/rules.ts";
import {
  clusterRoleBindingRules,
  clusterRoleRules,
  roleBindingRules,
  roleRules,
} from "./rbac/rules.ts";
import type { Rules } from "./rules.ts";
import { leaseRules, priorityClassRules, runtimeClassRules } from "./scheduling/rules.ts";
import { endpointsRules, endpointSliceRules, serviceRules } from "./service/rules.ts";
import {
  csiDriverRules,
  csiNodeRules,
  csiStorageCapacityRules,
  persistentVolumeClaimRules,
  persistentVolumeRules,
  storageClassRules,
  volumeAttachmentRules,
  volumeAttributesClassRules,
} from "./storage/rules.ts";

type Make = (resource: Resource) => Strategy;

function from<T>(rules: Rules<T>): Make {
  return (resource) => compose(resource, rules);
}

const admission = "admissionregistration.k8s.io/v1";
const flowControl = "flowcontrol.apiserver.k8s.io/v1";
const rbac = "rbac.authorization.k8s.io/v1";

/** Keys are `<group or "core">/<version>/<plural>`. */
const makers: Readonly<Record<string, Make>> = {
  "core/v1/configmaps": from(configMapRules),
  "core/v1/endpoints": from(endpointsRules),
  "core/v1/events": from(eventRules),
  "core/v1/limitranges": from(limitRangeRules),
  "core/v1/namespaces": from(namespaceRules),
  "core/v1/nodes": from(nodeRules),
  "core/v1/persistentvolumeclaims": from(persistentVolumeClaimRules),
  "core/v1/persistentvolumes": from(persistentVolumeRules),
  "core/v1/pods": from(podRules),
  "core/v1/podtemplates": from(podTemplateRules),
  "core/v1/replicationcontrollers": from(replicationControllerRules),
  "core/v1/resourcequotas": from(resourceQuotaRules),
  "core/v1/secrets": from(secretRules),
  "core/v1/serviceaccounts": from(serviceAccountRules),
  "core/v1/services": from(serviceRules),
  [`${admission}/mutatingadmissionpolicies`]: from(mutatingPolicyRules),
  [`${admission}/mutatingadmissionpolicybindings`]: from(mutatingPolicyBindingRules),
  [`${admission}/mutatingwebhookconfigurations`]: from(mutatingWebhookRules),
  [`${admission}/validatingadmissionpolicies`]: from(validatingPolicyRules),
  [`${admission}/validatingadmissionpolicybindings`]: from(validatingPolicyBindingRules),
  [`${admission}/validatingwebhookconfigurations`]: from(validatingWebhookRules),
  "apps/v1/controllerrevisions": from(controllerRevisionRules),
  "apps/v1/daemonsets": from(daemonSetRules),
  "apps/v1/deployments": from(deploymentRules),
  "apps/v1/replicasets": from(replicaSetRules),
  "apps/v1/statefulsets": from(statefulSetRules),
  "autoscaling/v1/horizontalpodautoscalers": oldAutoscalerStrategy,
  "autoscaling/v2/horizontalpodautoscalers": from(autoscalerRules),
  "batch/v1/cronjobs": from(cronJobRules),
  "batch/v1/jobs": from(jobRules),
  "certificates.k8s.io/v1/certificatesigningrequests": from(signingRequestRules),
  "coordination.k8s.io/v1/leases": from(leaseRules),
  "discovery.k8s.io/v1/endpointslices": from(endpointSliceRules),
  "events.k8s.io/v1/events": newEventStrategy,
  [`${flowControl}/flowschemas`]: from(flowSchemaRules),
  [`${flowControl}/prioritylevelconfigurations`]: from(priorityLevelRules),
  "networking.k8s.io/v1/ingressclasses": from(ingressClassRules),
  "networking.k8s.io/v1/ingresses": from(ingressRules),
  "networking.k8s.io/v1/ipaddresses": from(ipAddressRules),
  "networking.k8s.io/v1/networkpolicies": from(networkPolicyRules),
  "networking.k8s.io/v1/servicecidrs": from(serviceCidrRules),
  "node.k8s.io/v1/runtimeclasses": from(runtimeClassRules),
  "policy/v1/poddisruptionbudgets": from(podDisruptionBudgetRules),
  [`${rbac}/clusterrolebindings`]: from(clusterRoleBindingRules),
  [`${rbac}/clusterroles`]: from(clusterRoleRules),
  [`${rbac}/rolebindings`]: from(roleBindingRules),
  [`${rbac}/roles`]: from(roleRules),
  "resource.k8s.io/v1/deviceclasses": from(deviceClassRules),
  "resource.k8s.io/v1/resourceclaims": from(resourceClaimRules),
  "resource.k8s.io/v1/resourceclaimtemplates": from(resourceClaimTemplateRules),
  "resource.k8s.io/v1/resourceslices": from(resourceSliceRules),
  "scheduling.k8s.io/v1/priorityclasses": from(priorityClassRules),
  "storage.k8s.io/v1/csidrivers": from(csiDriverRules),
  "storage.k8s.io/v1/csinodes": from(csiNodeRules),
  "storage.k8s.io/v1/csistoragecapacities": from(csiStorageCapacityRules),
  "storage.k8s.io/v1/storageclasses": from(storageClassRules),
  "storage.k8s.io/v1/volumeattachments": from(volumeAttachmentRules),
  "storage.k8s.io/v1/volumeattributesclasses": from(volumeAttributesClassRules),
};

const strategies = new WeakMap<Resource, Strategy>();

/**
 * The strategy of a kind: its own, or the composed default for kinds without rules (columns Name
 * and Age, status apart from spec). The same object for the same resource.
 */
export function strategyOf(resource: Resource): Strategy {
  const known = strategies.get(resource);
  if (known !== undefined) return known;
  const group = resource.group === "" ? "core" : resource.group;
  const make = makers[`${group}/${resource.version}/${resource.plural}`];
  const made = make?.(resource) ?? compose(resource, { generation: true });
  strategies.set(resource, made);
  return made;
}
