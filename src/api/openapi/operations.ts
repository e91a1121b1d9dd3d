import { kindOf } from "#api/discovery/groups.ts";
import { collectionPath, type Resource, type Subresource, type Verb } from "#api/resource.ts";
import type { GroupVersionKind } from "./schemas.ts";

export type Method = "get" | "put" | "post" | "delete" | "patch";

/** What a request does, as `x-kubernetes-action` names it. */
export type Action = Exclude<Verb, "create" | "update" | "watch"> | "post" | "put" | "connect";

/** One method of one path. */
export interface Operation {
  readonly path: string;
  readonly method: Method;
  readonly action: Action;
  /** Unique in a document, in upstream's manner: `createCoreV1NamespacedPod`. */
  readonly id: string;
  readonly description: string;
  readonly tag: string;
  readonly kind: GroupVersionKind;
  /** Types in the table; undefined where there is no body, or a plain text. */
  readonly body: string | undefined;
  readonly result: string | undefined;
  /** The type whose fields are the query, for connections and logs. */
  readonly options: string | undefined;
}

const metaPackage = "io.k8s.apimachinery.pkg.apis.meta.v1";
const deleteOptions = `${metaPackage}.DeleteOptions`;
const status = `${metaPackage}.Status`;

/** Where the types of subresources that belong to other groups are. */
const foreignPackages: Readonly<Record<string, string>> = {
  "policy/v1": "io.k8s.api.policy.v1",
  "autoscaling/v1": "io.k8s.api.autoscaling.v1",
  "authentication.k8s.io/v1": "io.k8s.api.authentication.v1",
};

/** Every operation of a resource, its subresources included. */
export function operationsOf(resource: Resource): Operation[] {
  return [
    ...collectionOperations(resource),
    ...objectOperations(resource),
    ...resource.subresources.flatMap((it) => subresourceOperations(resource, it)),
  ];
}

/** `Core`, `RbacAuthorization`, `ExampleCom`. */
function groupWord(resource: Resource): string {
  const group = resource.group === "" ? "core" : resource.group.replace(/\.k8s\.io$/, "");
  return group.split(/[.-]/).map(capital).join("");
}

function groupName(resource: Resource): string {
  return groupWord(resource) + capital(resource.version);
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function common(resource: Resource): Pick<Operation, "tag" | "kind" | "options"> {
  const { group, version, kind } = resource;
  const word = groupWord(resource);
  const tag = `${word.slice(0, 1).toLowerCase()}${word.slice(1)}_${version}`;
  return { tag, kind: { group, version, kind }, options: undefined };
}

const placeholder = "{namespace}";

function collection(resource: Resource): string {
  return collectionPath(resource, resource.namespaced ? placeholder : undefined);
}

function scopeName(resource: Resource): string {
  return resource.namespaced ? "Namespaced" : "";
}

function collectionOperations(resource: Resource): Operation[] {
  const has = (verb: Verb): boolean => resource.verbs.includes(verb);
  const shared = { ...common(resource), path: collection(resource) };
  const list = `${resource.type}List`;
  const name = `${scopeName(resource)}${resource.kind}`;
  const group = groupName(resource);
  const found: Operation[] = [];
  if (has("list")) {
    const get = {
      ...shared,
      method: "get",
      action: "list",
      body: undefined,
      result: list,
    } as const;
    const description = `list objects of kind ${resource.kind}`;
    found.push({ ...get, id: `list${group}${name}`, description });
    if (resource.namespaced) {
      const path = collectionPath(resource, undefined);
      const id = `list${group}${resource.kind}ForAllNamespaces`;
      found.push({ ...get, path, id, description: `${description} in all namespaces` });
    }
  }
  if (has("create")) {
    found.push({
      ...shared,
      method: "post",
      action: "post",
      id: `create${group}${name}`,
      description: `create a ${resource.kind}`,
      body: resource.type,
      result: resource.type,
    });
  }
  if (has("deletecollection")) {
    found.push({
      ...shared,
      method: "delete",
      action: "deletecollection",
      id: `delete${group}Collection${name}`,
      description: `delete a collection of objects of kind ${resource.kind}`,
      body: deleteOptions,
      result: status,
    });
  }
  return found;
}

interface Manner {
  readonly verb: Verb;
  readonly method: Method;
  readonly action: Action;
  readonly word: string;
}

const manners: readonly Manner[] = [
  { verb: "get", method: "get", action: "get", word: "read" },
  { verb: "update", method: "put", action: "put", word: "replace" },
  { verb: "patch", method: "patch", action: "patch", word: "patch" },
  { verb: "delete", method: "delete", action: "delete", word: "delete" },
  { verb: "create", method: "post", action: "post", word: "create" },
];

function bodyOf(manner: Manner, type: string): string | undefined {
  if (manner.verb === "patch") return `${metaPackage}.Patch`;
  if (manner.verb === "delete") return deleteOptions;
  return manner.verb === "get" ? undefined : type;
}

/** Kinds that answer a deletion with the object, not with a status. */
const returnsDeleted = new Set([
  ...["Pod", "PodTemplate", "Service", "ServiceAccount", "ResourceQuota"],
  ...["PersistentVolume", "PersistentVolumeClaim", "StorageClass", "VolumeAttachment"],
  ...["CSIDriver", "CSINode", "VolumeAttributesClass"],
  ...["DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice"],
]);

function objectOperations(resource: Resource): Operation[] {
  const name = `${groupName(resource)}${scopeName(resource)}${resource.kind}`;
  return manners
    .filter((it) => it.verb !== "create" && resource.verbs.includes(it.verb))
    .map((it) => ({
      ...common(resource),
      path: `${collection(resource)}/{name}`,
      method: it.method,
      action: it.action,
      id: it.word + name,
      description: `${it.word} the ${resource.kind} of that name`,
      body: bodyOf(it, resource.type),
      result: it.verb === "delete" && !returnsDeleted.has(resource.kind) ? status : resource.type,
    }));
}

/** The type that a subresource speaks. */
export function subresourceType(resource: Resource, subresource: Subresource): string {
  const kind = kindOf(resource, subresource);
  if (subresource.kind === undefined || kind.kind === resource.kind) return resource.type;
  const package_ =
    foreignPackages[`${kind.group}/${kind.version}`] ??
    resource.type.slice(0, resource.type.lastIndexOf("."));
  return `${package_}.${kind.kind}`;
}

function subresourceOperations(resource: Resource, subresource: Subresource): Operation[] {
  const type = subresourceType(resource, subresource);
  const path = `${collection(resource)}/{name}/${subresource.name}`;
  const name = `${scopeName(resource)}${resource.kind}${capital(subresource.name)}`;
  const shared = { ...common(resource), kind: kindOf(resource, subresource) };
  const isLog = subresource.name === "log";
  const isConnection = subresource.kind?.endsWith("Options") === true;
  return manners
    .filter((it) => subresource.verbs.includes(it.verb))
    .flatMap((it) => {
      const operation: Operation = {
        ...shared,
        path,
        method: it.method,
        action: isConnection ? "connect" : it.action,
        id: isConnection
          ? `connect${groupName(resource)}${capital(it.method)}${name}`
          : `${it.word}${groupName(resource)}${name}`,
        description: `${isConnection ? "connect to" : it.word} ${subresource.name} of the ${resource.kind}`,
        body: isConnection ? undefined : bodyOf(it, type),
        result: isConnection || isLog ? undefined : type,
        options: isConnection ? type : isLog ? "io.k8s.api.core.v1.PodLogOptions" : undefined,
      };
      if (subresource.name !== "proxy") return [operation];
      const below = { ...operation, path: `${path}/{path}`, id: `${operation.id}WithPath` };
      return [operation, below];
    });
}
