import type { Namespace, NamespaceCondition } from "#api/gen/types.ts";
import { formatTime } from "#api/time.ts";

export const namespaceFinalizer = "kubernetes";

/** What is left of one kind in a namespace after everything was asked to go. */
export interface Remaining {
  /** `pods`, `deployments.apps`. */
  readonly resource: string;
  readonly count: number;
  /** How many objects each finalizer holds back. */
  readonly finalizers: Readonly<Record<string, number>>;
}

export interface Emptying {
  readonly remaining: readonly Remaining[];
  /** Messages of failed deletions. */
  readonly errors: readonly string[];
}

export type NamespaceStep =
  | { readonly kind: "none" }
  /** Nothing is left: let it go. */
  | { readonly kind: "finalize"; readonly finalizers: readonly string[] }
  /** Look again when something changes, at the latest after `afterMs`. */
  | { readonly kind: "wait"; readonly afterMs: number };

/** Pods first: what they use must not vanish under them (KEP-5080). Then all the rest. */
export function deletionStage(podsLeft: number): "pods" | "others" {
  return podsLeft > 0 ? "pods" : "others";
}

/** What to do after a round of deletions. */
export function planNamespace(namespace: Namespace, emptying: Emptying): NamespaceStep {
  const finalizers = namespace.spec?.finalizers ?? [];
  if (namespace.metadata?.deletionTimestamp === undefined) return { kind: "none" };
  if (!finalizers.includes(namespaceFinalizer)) return { kind: "none" };
  const left = emptying.remaining.reduce((sum, it) => sum + it.count, 0);
  if (left === 0 && emptying.errors.length === 0) {
    return { kind: "finalize", finalizers: finalizers.filter((it) => it !== namespaceFinalizer) };
  }
  return { kind: "wait", afterMs: emptying.errors.length > 0 ? 5_000 : 15_000 };
}

/** The conditions that tell why a namespace is still there; upstream `status_condition_utils.go`. */
export function namespaceConditions(
  before: readonly NamespaceCondition[],
  { remaining, errors }: Emptying,
  now: number,
): NamespaceCondition[] {
  const left = remaining.filter((it) => it.count > 0);
  const contents = left.map((it) => `${it.resource} has ${it.count} resource instances`).sort();
  const held = new Map<string, number>();
  for (const [finalizer, count] of left.flatMap((it) => Object.entries(it.finalizers))) {
    held.set(finalizer, (held.get(finalizer) ?? 0) + count);
  }
  const finalizers = [...held].map(([name, count]) => `${name} in ${count} resource instances`);
  const found: Verdict[] = [
    verdict("NamespaceDeletionDiscoveryFailure", [], {
      bad: "DiscoveryFailed",
      good: "ResourcesDiscovered",
      fine: "All resources successfully discovered",
    }),
    verdict("NamespaceDeletionGroupVersionParsingFailure", [], {
      bad: "GroupVersionParsingFailed",
      good: "ParsedGroupVersions",
      fine: "All legacy kube types successfully parsed",
    }),
    verdict("NamespaceDeletionContentFailure", errors, {
      bad: "ContentDeletionFailed",
      good: "ContentDeleted",
      fine: "All content successfully deleted, may be waiting on finalization",
      prefix: "Failed to delete all resource types, remaining: ",
    }),
    verdict("NamespaceContentRemaining", contents, {
      bad: "SomeResourcesRemain",
      good: "ContentRemoved",
      fine: "All content successfully removed",
      prefix: "Some resources are remaining: ",
    }),
    verdict("NamespaceFinalizersRemaining", finalizers.sort(), {
      bad: "SomeFinalizersRemain",
      good: "ContentHasNoFinalizers",
      fine: "All content-preserving finalizers finished",
      prefix: "Some content in the namespace has finalizers remaining: ",
    }),
  ];
  return found.map((it) => {
    const old = before.find((other) => other.type === it.type);
    const same = old?.status === it.status && old.message === it.message;
    const time = formatTime(now);
    return { ...it, lastTransitionTime: same ? (old.lastTransitionTime ?? time) : time };
  });
}

type Verdict = Required<Pick<NamespaceCondition, "type" | "status" | "reason" | "message">>;

interface Words {
  readonly bad: string;
  readonly good: string;
  readonly fine: string;
  readonly prefix?: string;
}

function verdict(type: string, problems: readonly string[], words: Words): Verdict {
  if (problems.length === 0) {
    return { type, status: "False", reason: words.good, message: words.fine };
  }
  const message = `${words.prefix ?? ""}${problems.join(", ")}`;
  return { type, status: "True", reason: words.bad, message };
}
