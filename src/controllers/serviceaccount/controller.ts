import type { ConfigMap, Namespace, ServiceAccount } from "#api/gen/types.ts";
import type { KubernetesObject } from "#api/object.ts";
import { isStatus, StatusError } from "#api/status.ts";
import type { Informer } from "#client/informer.ts";
import { configMaps, namespaces, serviceAccounts } from "#client/kinds.ts";
import { isDeleting, nameOf, namespaceOf } from "#client/object-key.ts";
import { sameJson } from "#controllers/same-json.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { ownKey, watches, type Controller } from "#reconcile/controller.ts";

/** Gives every namespace its ServiceAccount `default`. */
export function serviceAccountController(ports: ControllerPorts): Controller {
  const all = ports.informers.of(namespaces);
  const accounts: Informer<ServiceAccount> = ports.informers.of(serviceAccounts);
  return {
    name: "serviceaccount-controller",
    workers: 4,
    watches: [watches(all, ownKey), watches(accounts, (it) => namespaceOfNamed(it, "default"))],
    async reconcile(key, signal) {
      if (!isActiveNamespace(all.get(key))) return {};
      if (accounts.get(`${key}/default`) !== undefined) return {};
      const account = { metadata: { namespace: key, name: "default" } };
      await ignoringExisting(ports.client.create(serviceAccounts, account, {}, signal));
      return {};
    },
  };
}

const rootCaName = "kube-root-ca.crt";
const description =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

/** Publishes the authority of the API server into every namespace, where pods find it. */
export function rootCaController(ports: ControllerPorts): Controller {
  const all = ports.informers.of(namespaces);
  // Only the maps of that name: there may be very many others.
  const published: Informer<ConfigMap> = ports.informers.of(configMaps, {
    fieldSelector: `metadata.name=${rootCaName}`,
  });
  const data = { "ca.crt": ports.rootCa };
  return {
    name: "root-ca-certificate-publisher",
    workers: 4,
    watches: [watches(all, ownKey), watches(published, (it) => namespaceOfNamed(it, rootCaName))],
    async reconcile(key, signal) {
      if (!isActiveNamespace(all.get(key))) return {};
      const present = published.get(`${key}/${rootCaName}`);
      if (present !== undefined) {
        if (sameJson(present.data, data)) return {};
        await ports.client.update(configMaps, { ...present, data }, {}, signal);
        return {};
      }
      const annotations = { "kubernetes.io/description": description };
      const map = { metadata: { namespace: key, name: rootCaName, annotations }, data };
      await ignoringExisting(ports.client.create(configMaps, map, {}, signal));
      return {};
    },
  };
}

function namespaceOfNamed(object: KubernetesObject, name: string): readonly string[] {
  return nameOf(object) === name ? [namespaceOf(object)] : [];
}

function isActiveNamespace(namespace: Namespace | undefined): boolean {
  return namespace !== undefined && !isDeleting(namespace);
}

/** There already, or its namespace is going away: either way there is nothing to create. */
async function ignoringExisting(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (isStatus(error, "AlreadyExists") || isStatus(error, "NotFound")) return;
    const causes = error instanceof StatusError ? (error.details?.causes ?? []) : [];
    if (causes.some((it) => it.reason === "NamespaceTerminating")) return;
    throw error;
  }
}
