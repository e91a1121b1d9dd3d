import assert from "node:assert/strict";
import { test } from "node:test";
import { negotiate } from "./accept.ts";

const table = "application/json;as=Table;v=v1;g=meta.k8s.io";
const partial = "as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

const cases: [accept: string | undefined, want: string][] = [
  [undefined, "json object"],
  ["*/*", "json object"],
  ["application/json", "json object"],
  ["application/yaml", "yaml object"],
  ["application/vnd.kubernetes.protobuf", "protobuf object"],
  ["application/vnd.kubernetes.protobuf,application/json", "json object"],
  ["application/json;q=0.1,application/vnd.kubernetes.protobuf", "protobuf object"],
  [`${table},application/json`, "json table"],
  ["application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", "json object"],
  [`application/vnd.kubernetes.protobuf;${partial},application/json;${partial}`, "json metadata"],
  ["application/json;stream=watch", "json object"],
  ["text/html, */*;q=0.8", "json object"],
];

for (const [accept, want] of cases) {
  test(`negotiate: ${accept ?? "no header"} -> ${want}`, () => {
    const got = negotiate(accept);
    assert.equal(`${got.encoding} ${got.as}`, want);
  });
}

for (const accept of ["text/html", "application/json;q=0", "application/cbor", ""]) {
  test(`negotiate: "${accept}" is a 406`, () => {
    assert.throws(() => negotiate(accept), { code: 406 });
  });
}
