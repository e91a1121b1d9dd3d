import type { Pod, Toleration } from "#api/gen/types.ts";
import { builtin } from "#api/kinds/list.ts";
import { isJsonObject, type JsonObject } from "#api/object.ts";
import { strategyOf } from "#api/rules/list.ts";
import { parseYaml } from "#api/yaml.ts";

export const podAnnotations = {
  /** `file` for a pod of this node's own. */
  source: "kubernetes.io/config.source",
  hash: "kubernetes.io/config.hash",
  /** On the object by which the API shows such a pod; its value is the hash. */
  mirror: "kubernetes.io/config.mirror",
} as const;

/** A pod of the node itself must stay whatever is wrong with the node. */
const stayingOn: Toleration = { operator: "Exists", effect: "NoExecute" };

/**
 * The pod of a manifest as the node runs it: with the API's defaults, the node's name behind its own,
 * and a uid made of the content, so that a changed manifest is another pod.
 * @throws {Error} saying what is wrong with the manifest.
 * Upstream: `pkg/kubelet/config/common.go`, applyDefaults.
 */
export function staticPod(
  text: string,
  place: { readonly nodeName: string; readonly path: string },
  hash: (text: string) => string,
): Pod {
  const [document, ...more] = parseYaml(text).documents;
  const object = document?.value;
  if (more.length > 0) throw new Error("expected one pod, found several documents");
  if (!isJsonObject(object) || object["kind"] !== "Pod" || object["apiVersion"] !== "v1") {
    throw new Error("expected a Pod of apiVersion v1");
  }
  const metadata = isJsonObject(object["metadata"]) ? object["metadata"] : {};
  const { name } = metadata;
  if (typeof name !== "string" || name === "") throw new Error("metadata.name: must be given");
  const spec = isJsonObject(object["spec"]) ? object["spec"] : {};
  const uid = hash(`${text}\nhost:${place.nodeName}\nfile:${place.path}`);
  const pod: JsonObject = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...metadata,
      name: `${name}-${place.nodeName.toLowerCase()}`,
      namespace: metadata["namespace"] ?? "default",
      uid,
      annotations: {
        ...(isJsonObject(metadata["annotations"]) ? metadata["annotations"] : {}),
        [podAnnotations.hash]: uid,
        [podAnnotations.source]: "file",
      },
    },
    spec: {
      ...spec,
      nodeName: place.nodeName,
      tolerations: [...listOf(spec["tolerations"]), { ...stayingOn }],
    },
  };
  const strategy = strategyOf(builtin("", "pods"));
  strategy.default(pod);
  const [fault] = strategy.validate(pod);
  if (fault !== undefined) throw new Error(`${fault.field}: ${fault.message}`);
  return pod;
}

function listOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? (value as JsonObject[]) : [];
}

/** The object by which the API shows a static pod. `nodeUid` makes the node its owner. */
export function mirrorOf(pod: Pod, nodeUid: string): Pod {
  const { uid = "", annotations, ...others } = pod.metadata ?? {};
  const metadata = { ...others, uid: undefined };
  const name = pod.spec?.nodeName ?? "";
  return {
    ...pod,
    metadata: {
      ...metadata,
      annotations: { ...annotations, [podAnnotations.mirror]: uid },
      ownerReferences: [{ apiVersion: "v1", kind: "Node", name, uid: nodeUid, controller: true }],
    },
  };
}

/** The uid of the static pod that an object of the API stands for; undefined: it is an own pod. */
export function mirroredUid(pod: Pod | undefined): string | undefined {
  return pod?.metadata?.annotations?.[podAnnotations.mirror];
}
