import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStoreUrl } from "./open-store.ts";

const cases: [url: string, want: unknown][] = [
  ["etcd://10.0.0.1:2379", { endpoints: ["http://10.0.0.1:2379"], files: [] }],
  [
    "etcds://a:2379,b:2379?ca=/c.pem&cert=/t.pem&key=/k.pem",
    { endpoints: ["https://a:2379", "https://b:2379"], files: ["/c.pem", "/t.pem", "/k.pem"] },
  ],
];

for (const [url, want] of cases) {
  test(`parseStoreUrl: ${url}`, () => {
    const { endpoints, files } = parseStoreUrl(url);
    const named = [files.ca, files.cert, files.key].filter((it) => it !== undefined);
    assert.deepEqual({ endpoints, files: named }, want);
  });
}

for (const url of ["", "sqlite:///x", "etcd://", "http://a:2379", "etcds://a:2379"]) {
  test(`parseStoreUrl: '${url}' is refused`, () => {
    assert.throws(() => parseStoreUrl(url), /--store/);
  });
}
