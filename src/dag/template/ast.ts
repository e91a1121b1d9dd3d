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

export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "output"; readonly expression: Expression }
  | { readonly kind: "set"; readonly names: readonly string[]; readonly value: Expression }
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
    };

/** What is wrong with a template, or with what it was given. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
}
