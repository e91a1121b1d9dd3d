import assert from "node:assert/strict";
import { test } from "node:test";
import { hostRules } from "./network.ts";

test("hostRules: one transaction that replaces the table; pods of other nodes see pod addresses", () => {
  const rules = hostRules({
    nft: "nft",
    table: "gantry",
    podCidr: "10.244.1.0/24",
    clusterCidr: "10.244.0.0/16",
    owner: "/var/lib/gantry/node",
  });
  assert.equal(
    rules,
    `table ip gantry
delete table ip gantry
table ip gantry {
  comment "/var/lib/gantry/node"
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr 10.244.1.0/24 ip daddr != 10.244.0.0/16 masquerade
  }
}
`,
  );
});
