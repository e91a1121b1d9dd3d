/** Protobuf's wire types, protobuf.dev/programming-guides/encoding. */
export const varint = 0;
export const fixed64 = 1;
export const bytes = 2;
export const fixed32 = 5;

/** First four bytes of an enveloped object (apimachinery runtime/serializer/protobuf). */
export const magic = Uint8Array.of(0x6b, 0x38, 0x73, 0x00);

export function hasMagic(data: Uint8Array): boolean {
  return data.length >= magic.length && magic.every((it, at) => data[at] === it);
}
