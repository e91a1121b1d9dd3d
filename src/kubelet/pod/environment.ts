import type {
  ConfigMap,
  ConfigMapKeySelector,
  Container,
  EnvVar,
  Pod,
  Secret,
  SecretKeySelector,
} from "#api/gen/types.ts";
import type { ReferencedObjects, ServiceSource } from "#kubelet/ports.ts";
import { expand, type Variables } from "./expansion.ts";
import { containerResource, podField, type NodeFacts } from "./pod-fields.ts";
import { serviceVariables, visibleServices } from "./service-env.ts";

export interface EnvironmentPorts {
  readonly objects: ReferencedObjects;
  readonly services: ServiceSource;
  readonly facts: NodeFacts;
}

/** Namespace in which the API announces itself as the service `kubernetes`. */
const masterNamespace = "default";

/**
 * The variables of a container, declared ones over those of `envFrom` over those of services.
 * @throws {Error} with upstream's wording when something that is not optional is missing.
 * Upstream: `pkg/kubelet/kubelet_pods.go`, makeEnvironmentVariables.
 */
export async function buildEnvironment(
  pod: Pod,
  container: Container,
  ports: EnvironmentPorts,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const namespace = pod.metadata?.namespace ?? "";
  const fromServices = serviceVariables(
    visibleServices(
      { own: ports.services.list(namespace), master: ports.services.list(masterNamespace) },
      pod.spec?.enableServiceLinks ?? true,
    ),
  );
  const reader = new Reader(pod, ports.objects, signal);
  const variables = await variablesFrom(container, reader);
  const known: Variables = { get: (name) => variables.get(name) ?? fromServices.get(name) };
  for (const variable of container.env ?? []) {
    const value = await valueOf(variable, { pod, container, known, reader, facts: ports.facts });
    if (value !== undefined) variables.set(variable.name, value);
  }
  for (const [name, value] of fromServices) {
    if (!variables.has(name)) variables.set(name, value);
  }
  return variables;
}

async function variablesFrom(container: Container, reader: Reader): Promise<Map<string, string>> {
  const variables = new Map<string, string>();
  for (const { prefix = "", configMapRef, secretRef } of container.envFrom ?? []) {
    if (configMapRef !== undefined) {
      const map = await reader.configMap(configMapRef.name ?? "", configMapRef.optional === true);
      for (const [key, value] of Object.entries(map?.data ?? {})) {
        variables.set(`${prefix}${key}`, value);
      }
    }
    if (secretRef !== undefined) {
      const secret = await reader.secret(secretRef.name ?? "", secretRef.optional === true);
      for (const [key, value] of Object.entries(secret?.data ?? {})) {
        variables.set(`${prefix}${key}`, decodeText(value));
      }
    }
  }
  return variables;
}

interface Context {
  readonly pod: Pod;
  readonly container: Container;
  readonly known: Variables;
  readonly reader: Reader;
  readonly facts: NodeFacts;
}

/** Undefined: optional and missing, so the variable is not set at all. */
async function valueOf(variable: EnvVar, context: Context): Promise<string | undefined> {
  const { value, valueFrom } = variable;
  if (value !== undefined && value !== "") return expand(value, context.known);
  if (valueFrom === undefined) return "";
  if (valueFrom.fieldRef !== undefined) {
    const { fieldPath } = valueFrom.fieldRef;
    const text = podField(fieldPath, context.pod, context.facts);
    if (text === undefined) throw new Error(`unsupported fieldPath: ${fieldPath}`);
    return text;
  }
  if (valueFrom.resourceFieldRef !== undefined) {
    return resourceValue(valueFrom.resourceFieldRef, context);
  }
  if (valueFrom.configMapKeyRef !== undefined) {
    return await configMapValue(valueFrom.configMapKeyRef, context.reader);
  }
  if (valueFrom.secretKeyRef === undefined) return "";
  return await secretValue(valueFrom.secretKeyRef, context.reader);
}

async function configMapValue(
  { name = "", key, optional = false }: ConfigMapKeySelector,
  reader: Reader,
): Promise<string | undefined> {
  const map = await reader.configMap(name, optional);
  return reader.require(map?.data?.[key], optional, `key ${key} in ConfigMap`, name);
}

async function secretValue(
  { name = "", key, optional = false }: SecretKeySelector,
  reader: Reader,
): Promise<string | undefined> {
  const secret = await reader.secret(name, optional);
  const text = reader.require(secret?.data?.[key], optional, `key ${key} in Secret`, name);
  return text === undefined ? undefined : decodeText(text);
}

function resourceValue(
  reference: { readonly containerName?: string | undefined; readonly resource: string } & {
    readonly divisor?: string | undefined;
  },
  { pod, container, facts }: Context,
): string {
  const { containerName, resource, divisor } = reference;
  const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const target =
    containerName === undefined || containerName === ""
      ? container
      : all.find((it) => it.name === containerName);
  if (target === undefined) throw new Error(`couldn't find container ${containerName ?? ""}`);
  const text = containerResource(resource, divisor, target, facts);
  if (text === undefined) throw new Error(`unsupported container resource : ${resource}`);
  return text;
}

/** Reads the objects that a pod names, each at most once per container. */
class Reader {
  readonly #namespace: string;
  readonly #owner: string;
  readonly #objects: ReferencedObjects;
  readonly #signal: AbortSignal;

  constructor(pod: Pod, objects: ReferencedObjects, signal: AbortSignal) {
    this.#namespace = pod.metadata?.namespace ?? "";
    this.#owner = pod.metadata?.uid ?? "";
    this.#objects = objects;
    this.#signal = signal;
  }

  async configMap(name: string, optional: boolean): Promise<ConfigMap | undefined> {
    const at = { namespace: this.#namespace, name };
    const found = await this.#objects.configMap(at, this.#owner, this.#signal);
    if (found === undefined && !optional) throw new Error(`configmap "${name}" not found`);
    return found;
  }

  async secret(name: string, optional: boolean): Promise<Secret | undefined> {
    const at = { namespace: this.#namespace, name };
    const found = await this.#objects.secret(at, this.#owner, this.#signal);
    if (found === undefined && !optional) throw new Error(`secret "${name}" not found`);
    return found;
  }

  require(
    value: string | undefined,
    optional: boolean,
    what: string,
    name: string,
  ): string | undefined {
    if (value === undefined && !optional) {
      throw new Error(`couldn't find ${what} ${this.#namespace}/${name}`);
    }
    return value;
  }
}

function decodeText(base64: string): string {
  return Buffer.from(base64, "base64").toString();
}
