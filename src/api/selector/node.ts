import type { NodeSelector, NodeSelectorTerm } from "#api/gen/types.ts";
import { matchesLabels, selectorOf, type LabelSelector, type Labels } from "./label.ts";

/** One node selector term: all requirements on labels and on fields (`metadata.name`) hold. */
export interface NodeTerm {
  readonly labels: LabelSelector;
  readonly fields: LabelSelector;
}

/** A node as selectors see it. */
export interface SelectedNode {
  readonly name: string;
  readonly labels: Labels;
}

const operators = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
  Gt: "gt",
  Lt: "lt",
} as const;

/** Reads a term that was found valid when it was stored. */
export function nodeTermOf(term: NodeSelectorTerm): NodeTerm {
  function requirements(list: NodeSelectorTerm["matchExpressions"]): LabelSelector {
    return selectorOf(
      (list ?? []).map((it) => ({
        key: it.key,
        operator: operators[it.operator as keyof typeof operators],
        values: it.values ?? [],
      })),
    );
  }
  const empty = (term.matchExpressions ?? []).length + (term.matchFields ?? []).length === 0;
  const labels = requirements(term.matchExpressions);
  // A term without requirements matches no node: `component-helpers` nodeaffinity.go.
  return {
    labels: empty ? { ...labels, nothing: true } : labels,
    fields: requirements(term.matchFields),
  };
}

export function matchesNodeTerm(term: NodeTerm, node: SelectedNode): boolean {
  if (!matchesLabels(term.labels, node.labels)) return false;
  return matchesLabels(term.fields, { "metadata.name": node.name });
}

/** Whether any term selects the node; an absent selector selects every node. */
export function matchesNodeSelector(
  selector: NodeSelector | undefined,
  node: SelectedNode,
): boolean {
  if (selector === undefined) return true;
  return selector.nodeSelectorTerms.some((it) => matchesNodeTerm(nodeTermOf(it), node));
}
