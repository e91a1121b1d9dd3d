import type { Namespace, Node } from "#api/gen/types.ts";
import type { Rules } from "#api/rules/rules.ts";
import { namespacePrinter, nodePrinter } from "./columns.ts";
import { defaultNamespace, defaultNode, labelWithName } from "./defaults.ts";
import {
  validateNamespace,
  validateNamespaceStatus,
  validateNode,
  validateNodeUpdate,
} from "./validation.ts";

export const namespaceRules: Rules<Namespace> = {
  default: defaultNamespace,
  create: (namespace) => {
    labelWithName(namespace);
    namespace.status = { phase: "Active" };
    const spec = (namespace.spec ??= {});
    const finalizers = (spec.finalizers ??= []);
    if (!finalizers.includes("kubernetes")) finalizers.push("kubernetes");
  },
  update: (next, previous) => {
    labelWithName(next);
    const spec = (next.spec ??= {});
    spec.finalizers = [...(previous.spec?.finalizers ?? [])];
  },
  validate: validateNamespace,
  validateStatus: validateNamespaceStatus,
  printer: namespacePrinter,
};

export const nodeRules: Rules<Node> = {
  createKeepsStatus: true,
  default: defaultNode,
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
  validateStatus: validateNodeUpdate,
  printer: nodePrinter,
};
