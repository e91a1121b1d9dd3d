import { testDefaults } from "#testing/kind-table.ts";

testDefaults("", "secrets", {}, { type: "Opaque" });
testDefaults(
  "",
  "secrets",
  { stringData: { a: "ü", b: "new" }, data: { b: "b2xk" } },
  { data: { a: "w7w=", b: "bmV3" }, stringData: undefined },
);
testDefaults("", "configmaps", { data: { a: "b" } }, { data: { a: "b" }, immutable: undefined });
