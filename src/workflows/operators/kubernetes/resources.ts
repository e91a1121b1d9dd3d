import { childString, isJsonObject, type JsonObject, type KubernetesObject } from "#api/object.ts";
import { isStatus } from "#api/status.ts";
import { parseYaml } from "#api/yaml.ts";
import { findResource } from "#client/discovery.ts";
import type { ResourceOf } from "#client/resource-of.ts";
import { openTaskCluster, type TaskCluster } from "#workflows/kubernetes/cluster.ts";
import {
  optionalText,
  type Operator,
  type OperatorCall,
  type OperatorResult,
} from "#workflows/operators/operator.ts";
import { resourceTemplated } from "#workflows/operators/templated.ts";

const fieldManager = "gantry-workflows";

/** One object and where it goes. */
interface Target {
  readonly object: JsonObject;
  readonly resource: ResourceOf<KubernetesObject>;
  readonly namespace: string | undefined;
  readonly name: string;
}

type Act = (cluster: TaskCluster, target: Target, signal: AbortSignal) => Promise<string>;

/** An operator that does the same with each of its objects, in their order. */
function resourceOperator(act: Act): Operator {
  return {
    templated: resourceTemplated,
    async execute(call): Promise<OperatorResult> {
      const { log, context } = call;
      await using cluster = await openTaskCluster(call);
      for (const object of objectsOf(call)) {
        const target = await targetOf(call, cluster, object);
        const done = await act(cluster, target, context.signal);
        log.line("INFO", `${target.resource.singular} ${target.name} ${done}`);
      }
      return {};
    },
  };
}

export const kubernetesCreateOperator = resourceOperator(
  async ({ client }, { resource, object, namespace }, signal) => {
    await client.create(resource, placed(object, namespace), { fieldManager }, signal);
    return "created";
  },
);

export const kubernetesApplyOperator = resourceOperator(
  async ({ client }, { resource, object, namespace }, signal) => {
    const options = { fieldManager, force: true };
    await client.apply(resource, placed(object, namespace), options, signal);
    return "applied";
  },
);

export const kubernetesDeleteOperator = resourceOperator(
  async ({ client }, { resource, namespace, name }, signal) => {
    try {
      const options = { propagationPolicy: "Background" };
      await client.delete(resource, { namespace, name }, options, signal);
      return "deleted";
    } catch (error) {
      if (isStatus(error, "NotFound")) return "was not there";
      throw error;
    }
  },
);

function placed(object: JsonObject, namespace: string | undefined): KubernetesObject {
  const metadata = isJsonObject(object["metadata"]) ? object["metadata"] : {};
  return { ...object, metadata: namespace === undefined ? metadata : { ...metadata, namespace } };
}

/** @throws {Error} for what is not a list of objects. */
function objectsOf({ input }: OperatorCall): readonly JsonObject[] {
  const given = input["objects"];
  const values =
    typeof given === "string" ? parseYaml(given).documents.map((it) => it.value) : given;
  const list = (Array.isArray(values) ? values : [values]).filter((it) => it != null);
  const objects = list.filter(isJsonObject);
  if (objects.length < list.length || objects.length === 0) {
    throw new Error("argument 'objects' must be objects of Kubernetes, or YAML of them");
  }
  return objects;
}

async function targetOf(
  call: OperatorCall,
  { client, namespace }: TaskCluster,
  object: JsonObject,
): Promise<Target> {
  const [apiVersion, kind] = [childString(object, "apiVersion"), childString(object, "kind")];
  const metadata = isJsonObject(object["metadata"]) ? object["metadata"] : {};
  const name = childString(metadata, "name");
  if (apiVersion === undefined || kind === undefined || name === undefined) {
    throw new Error("each object needs apiVersion, kind and metadata.name");
  }
  const resource = await findResource(client, apiVersion, kind, call.context.signal);
  const own = childString(metadata, "namespace") ?? optionalText(call, "namespace") ?? namespace;
  return { object, resource, name, namespace: resource.namespaced ? own : undefined };
}
