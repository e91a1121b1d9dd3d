import type { Field, TypeTable } from "#api/schema/type-table.ts";

/** A message as it lies on the wire: fields, and the messages of structs that JSON has flat. */
export interface Layout {
  readonly type: string;
  /** By number, the largest first: the order in which a {@link Writer} needs them. */
  readonly entries: readonly Entry[];
  readonly byNumber: ReadonlyMap<number, Entry>;
}

export type Entry =
  | { readonly kind: "field"; readonly number: number; readonly field: Field }
  | { readonly kind: "embedded"; readonly number: number; readonly layout: Layout };

const layouts = new WeakMap<TypeTable, Map<string, Layout>>();

/** The layout of a type, kept once it is made. */
export function layoutOf(table: TypeTable, type: string): Layout {
  let ofTable = layouts.get(table);
  if (ofTable === undefined) {
    ofTable = new Map<string, Layout>();
    layouts.set(table, ofTable);
  }
  let layout = ofTable.get(type);
  if (layout === undefined) {
    layout = layoutOfFields(type, [...table.find(type).fields.values()]);
    ofTable.set(type, layout);
  }
  return layout;
}

/** A layout from fields; those without a number are left out. */
export function layoutOfFields(type: string, fields: readonly Field[]): Layout {
  return build(
    type,
    fields.filter((it) => it.protobuf > 0),
    0,
  );
}

/** Whether a type has a protobuf form at all; `Table` and CRD-defined types have none. */
export function hasProtobuf(table: TypeTable, type: string): boolean {
  return layoutOf(table, type).entries.length > 0;
}

/** The part of a message whose fields lie `depth` embedded messages deep. */
function build(type: string, fields: readonly Field[], depth: number): Layout {
  const entries: Entry[] = [];
  const embedded = new Map<number, Field[]>();
  for (const field of fields) {
    const number = field.protobufPath[depth];
    if (number === undefined) entries.push({ kind: "field", number: field.protobuf, field });
    else embedded.set(number, [...(embedded.get(number) ?? []), field]);
  }
  for (const [number, inside] of embedded) {
    entries.push({ kind: "embedded", number, layout: build(type, inside, depth + 1) });
  }
  entries.sort((a, b) => b.number - a.number);
  return { type, entries, byNumber: new Map(entries.map((it) => [it.number, it])) };
}
