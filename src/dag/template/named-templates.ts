import { TemplateError, type Expression, type Node } from "./ast.ts";
import { parsedOnce } from "./render.ts";

/** Tags that name other templates. */
const naming = /\{%[-+]?\s*(?:extends|include|import|from)\b/;

/**
 * The templates that a template extends, includes and imports, as far as it names them by texts; those
 * that may be missing are optional. A template that cannot be read names none: filling it in says why.
 */
export function namedTemplates(template: string): Named {
  if (!naming.test(template)) return [];
  try {
    return namedIn(parsedOnce(template));
  } catch (error) {
    if (error instanceof TemplateError) return [];
    throw error;
  }
}

type Named = readonly { readonly name: string; readonly optional: boolean }[];

function namedIn(nodes: readonly Node[]): Named {
  return nodes.flatMap((node) => [...namedBy(node), ...bodiesOf(node).flatMap(namedIn)]);
}

function namedBy(node: Node): Named {
  if (node.kind === "extends")
    return textsIn(node.parent).map((name) => ({ name, optional: false }));
  if (node.kind === "import") return textsIn(node.of).map((name) => ({ name, optional: false }));
  if (node.kind !== "include") return [];
  const optional = node.ignoreMissing || node.of.kind === "list";
  return textsIn(node.of).map((name) => ({ name, optional }));
}

function bodiesOf(node: Node): readonly (readonly Node[])[] {
  if (node.kind === "if") return node.branches.map((it) => it.body);
  if (node.kind === "for") return [node.body, node.otherwise];
  return "body" in node ? [node.body] : [];
}

function textsIn(expression: Expression): readonly string[] {
  if (expression.kind === "literal") {
    return typeof expression.value === "string" ? [expression.value] : [];
  }
  if (expression.kind === "list") return expression.items.flatMap(textsIn);
  if (expression.kind !== "choice") return [];
  const { yes, no } = expression;
  return [...textsIn(yes), ...(no === undefined ? [] : textsIn(no))];
}
