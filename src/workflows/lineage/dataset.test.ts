import assert from "node:assert/strict";
import { test } from "node:test";
import { datasetOf } from "./dataset.ts";

const cases: [uri: string, want: string][] = [
  ["s3://bucket/raw/orders.csv", "s3://bucket raw/orders.csv"],
  ["postgres://user:word@db:5432/shop/public/orders", "postgres://db:5432 shop.public.orders"],
  ["postgresql://db/shop/public/orders", "postgres://db shop.public.orders"],
  ["file:///data/a%20b.csv", "file /data/a b.csv"],
  ["https://api.test/orders", "https://api.test orders"],
  ["s3://bucket", "s3://bucket /"],
  ["orders", "here orders-asset"],
  ["x-asset:orders", "here orders-asset"],
];

for (const [uri, want] of cases) {
  test(`datasetOf: ${uri} -> ${want}`, () => {
    const asset = { name: "orders-asset", uri, group: "asset", extra: {} };
    const { namespace, name } = datasetOf(asset, "here");
    assert.equal(`${namespace} ${name}`, want);
  });
}
