/** An expression of a template. */
export type Expression =
  | { readonly kind: "literal"; readonly value: string | number | boolean | null }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "list"; readonly items: readonly Expression[] }
  | { readonly kind: "dict"; readonly entries: readonly (readonly [Expression, Expression])[] }
  | { readonly kind: "attribute"; readonly of: Expression; readonly name: string }
  | { readonly kind: "item"; readonly of: Expression; readonly key: Expression }
  | {
      readonly kind: "slice";
      readonly of: Expression;
      readonly from: Expression | undefined;
      readonly to: Expression | undefined;
      readonly step: Expression | undefined;
    }
  | { readonly kind: "call"; readonly of: Expression; readonly given: Arguments }
  | {
      readonly kind: "filter";
      readonly of: Expression;
      readonly name: string;
      readonly given: Arguments;
    }
  | {
      readonly kind: "test";
      readonly of: Expression;
      readonly name: string;
      readonly negated: boolean;
      readonly given: Arguments;
    }
  | { readonly kind: "unary"; readonly operator: "not" | "-" | "+"; readonly of: Expression }
  | {
      readonly kind: "binary";
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: "choice";
      readonly condition: Expression;
      readonly yes: Expression;
      readonly no: Expression | undefined;
    };

export interface Arguments {
  readonly positional: readonly Expression[];
  readonly named: readonly (readonly [string, Expression])[];
}

/** What a macro, or the body of a call, is given; with the values of those that are left out. */
export type Parameters = readonly {
  readonly name: string;
  readonly fallback: Expression | undefined;
}[];

export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "output"; readonly expression: Expression }
  | { readonly kind: "set"; readonly names: readonly string[]; readonly value: Expression }
  /** What the body becomes, through the filters of `value`, which has it as `bodyName`. */
  | {
      readonly kind: "set_block";
      readonly name: string;
      readonly value: Expression;
      readonly body: readonly Node[];
    }
  /** An attribute of a `namespace()`. */
  | {
      readonly kind: "set_attribute";
      readonly of: string;
      readonly name: string;
      readonly value: Expression;
    }
  | { readonly kind: "do"; readonly expression: Expression }
  | {
      readonly kind: "if";
      readonly branches: readonly {
        readonly condition: Expression | undefined;
        readonly body: readonly Node[];
      }[];
    }
  | {
      readonly kind: "for";
      readonly names: readonly string[];
      readonly over: Expression;
      readonly only: Expression | undefined;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    }
  | {
      readonly kind: "with";
      readonly values: readonly (readonly [string, Expression])[];
      readonly body: readonly Node[];
    }
  | { readonly kind: "filter_block"; readonly value: Expression; readonly body: readonly Node[] }
  | MacroNode
  /** A call whose function gets the body as `caller`. */
  | {
      readonly kind: "call_block";
      readonly call: Extract<Expression, { readonly kind: "call" }>;
      readonly parameters: Parameters;
      readonly body: readonly Node[];
    }
  | BlockNode
  | { readonly kind: "extends"; readonly parent: Expression }
  | {
      readonly kind: "include";
      readonly of: Expression;
      readonly ignoreMissing: boolean;
      readonly withContext: boolean;
    }
  | {
      readonly kind: "import";
      readonly of: Expression;
      /** The name of the whole; undefined when single names are taken. */
      readonly as: string | undefined;
      readonly names: readonly (readonly [name: string, as: string])[];
      readonly withContext: boolean;
    };

/** A function of the template. */
export interface MacroNode {
  readonly kind: "macro";
  readonly name: string;
  readonly parameters: Parameters;
  readonly body: readonly Node[];
}

/** A part of a template that one which extends it may replace. */
export interface BlockNode {
  readonly kind: "block";
  readonly name: string;
  /** Sees the loop that it is in. */
  readonly scoped: boolean;
  readonly required: boolean;
  readonly body: readonly Node[];
}

/** What the expression of a `set` or `filter` block calls the body's text. */
export const bodyName = "__body__";

/** What is wrong with a template, or with what it was given. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
}

/** Whether a template, or a part of one, asks for a name. */
export function usesName(nodes: readonly Node[], name: string): boolean {
  return JSON.stringify(nodes).includes(`{"kind":"name","name":${JSON.stringify(name)}}`);
}
