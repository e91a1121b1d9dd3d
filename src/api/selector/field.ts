import type { Resource } from "#api/resource.ts";
import { badRequest } from "#api/status.ts";

/** One condition on one field. */
export interface FieldTerm {
  /** Dotted path, e.g. `spec.nodeName`. */
  readonly field: string;
  readonly equal: boolean;
  readonly value: string;
}

/** All terms must hold. */
export interface FieldSelector {
  readonly terms: readonly FieldTerm[];
}

/** Characters of a selector; longer ones are a mistake or an attack. */
export const fieldSelectorLengthMax = 65_536;

/**
 * Parses the query parameter `fieldSelector`: `a=b,c==d,e!=f`, where a backslash makes `,`, `=`
 * and `\` part of a value. Upstream: apimachinery `pkg/fields/selector.go`.
 *
 * @throws {StatusError} 400 with upstream's text.
 */
export function parseFieldSelector(text: string): FieldSelector {
  if (text.length > fieldSelectorLengthMax) {
    throw badRequest(`field selector must be no more than ${fieldSelectorLengthMax} characters`);
  }
  const terms = splitTerms(text)
    .filter((it) => it !== "")
    .sort()
    .map((part) => {
      const found = /^(.*?)(!=|==|=)(.*)$/s.exec(part);
      if (found === null) {
        throw badRequest(`invalid selector: '${text}'; can't understand '${part}'`);
      }
      const [, field = "", operator, value = ""] = found;
      return { field, equal: operator !== "!=", value: unescapeValue(value) };
    });
  // Upstream drops the term that names nothing and wants nothing.
  return { terms: terms.filter((it) => it.field !== "" || it.value !== "") };
}

function splitTerms(text: string): string[] {
  return text === "" ? [] : (text.match(/(?:\\.|[^,\\]|\\$)+/gs) ?? []);
}

function unescapeValue(value: string): string {
  if (!/[\\,=]/.test(value)) return value;
  return value.replace(/\\(.?)|[,=]/gs, (found, escaped: string | undefined) => {
    if (escaped === undefined) {
      // Go prints the character as its number.
      const code = found.charCodeAt(0);
      throw badRequest(`invalid field selector: unescaped character in value: ${code}`);
    }
    if (escaped === "" || !"\\,=".includes(escaped)) {
      throw badRequest(`invalid field selector: invalid escape sequence: ${found}`);
    }
    return escaped;
  });
}

/** The selector as the query parameter has it. */
export function formatFieldSelector(selector: FieldSelector): string {
  return selector.terms
    .map((it) => `${it.field}${it.equal ? "=" : "!="}${it.value.replace(/[\\,=]/g, "\\$&")}`)
    .join(",");
}

/**
 * Refuses a selector that names a field the kind cannot be selected by.
 *
 * @throws {StatusError} 400, worded as upstream does for kinds with fields of their own and
 * for kinds without.
 */
export function checkFields(
  selector: FieldSelector,
  resource: Pick<Resource, "selectableFields">,
): void {
  const { selectableFields } = resource;
  for (const { field } of selector.terms) {
    if (field === "metadata.name" || field === "metadata.namespace") continue;
    if (selectableFields.includes(field)) continue;
    throw badRequest(
      selectableFields.length > 0
        ? `field label not supported: ${field}`
        : `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
    );
  }
}

/** Whether an object is selected; `valueOf` gives the text at a path, empty when there is none. */
export function matchesFields(
  selector: FieldSelector,
  valueOf: (field: string) => string,
): boolean {
  return selector.terms.every((it) => (valueOf(it.field) === it.value) === it.equal);
}

/** The value that a field must have for the selector to match, where it names one. */
export function requiredField(selector: FieldSelector, field: string): string | undefined {
  return selector.terms.find((it) => it.equal && it.field === field)?.value;
}
