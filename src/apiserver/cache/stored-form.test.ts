import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import type { Json, JsonObject } from "#api/object.ts";
import { decodeHeader, encodeStored } from "./stored-form.ts";

const type = { kind: "Pod", apiVersion: "v1" };

function jsonOf(value: Buffer): string {
  return value.toString("utf8", decodeHeader(value).jsonAt);
}

test("stored form: any object comes back, its metadata where the header says", () => {
  const labels = fc.dictionary(fc.string(), fc.string(), { maxKeys: 4 });
  const body = fc.dictionary(
    fc.string().filter((it) => !["kind", "apiVersion", "metadata", "__proto__"].includes(it)),
    fc.jsonValue(),
    { maxKeys: 4 },
  );
  fc.assert(
    fc.property(labels, body, fc.array(fc.string()), (some, rest, fields) => {
      const metadata = { name: "ä€😀", labels: { ...some } };
      const object = { ...type, metadata, ...(rest as Record<string, Json>) };
      const value = encodeStored(object, type, fields);
      const header = decodeHeader(value);
      assert.deepEqual({ ...header.labels }, { ...some });
      assert.deepEqual(header.fields, fields);
      assert.deepEqual(JSON.parse(jsonOf(value)), JSON.parse(JSON.stringify(object)));
      const start =
        header.jsonAt + Buffer.byteLength('{"kind":"Pod","apiVersion":"v1","metadata":');
      const text = value.toString("utf8", start, header.metadataEnd);
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(metadata)));
    }),
  );
});

test("stored form: the revision is left out, and the type is the stored one", () => {
  const object: JsonObject = {
    kind: "Other",
    metadata: { name: "a", resourceVersion: "7" },
    apiVersion: "v9",
    spec: { x: 1 },
  };
  const json = jsonOf(encodeStored(object, type, []));
  assert.equal(json, '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"},"spec":{"x":1}}');
});

test("stored form: equal label sets are one object", () => {
  const header = (name: string): object => {
    const object = { metadata: { name, labels: { app: "x" } } };
    return decodeHeader(encodeStored(object, type, [])).labels;
  };
  assert.equal(header("a"), header("b"));
});

test("stored form: other bytes are refused", () => {
  assert.throws(() => decodeHeader(Buffer.from('{"kind":"Pod"}')), /unknown form/);
});
