/** What a template shows, or why it cannot. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
}

/** A parsed template: Go's text/template without definitions of templates of one's own. */
export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly pipe: Pipe }
  | { readonly kind: "break" }
  | { readonly kind: "continue" }
  | Branch;

export interface Branch {
  readonly kind: "if" | "with" | "range";
  readonly pipe: Pipe;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

/** Commands whose results are the last arguments of those that follow. */
export interface Pipe {
  /** `$x := …`, or `$i, $x := …` of a range. */
  readonly variables: readonly string[];
  /** A variable that is there gets the value: `$x = …`. */
  readonly isAssignment: boolean;
  readonly commands: readonly (readonly Operand[])[];
  /** As it is written, for messages. */
  readonly text: string;
}

/** One word of a command; `fields` are the names after its dots. */
export type Operand =
  | { readonly kind: "literal"; readonly value: unknown }
  | { readonly kind: "function"; readonly name: string }
  | { readonly kind: "dot"; readonly fields: readonly string[] }
  | { readonly kind: "variable"; readonly name: string; readonly fields: readonly string[] }
  | { readonly kind: "pipe"; readonly pipe: Pipe; readonly fields: readonly string[] };
