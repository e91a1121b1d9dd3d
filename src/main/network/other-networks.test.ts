import assert from "node:assert/strict";
import { test } from "node:test";
import { otherHostTable, otherNetworkMessage, tableOwner } from "./other-networks.ts";

test("otherHostTable: pod networks only, and not our own", () => {
  const cases: readonly [listing: string, found: string | undefined][] = [
    ["", undefined],
    ["table ip gantry\ntable ip gantry_services\n", undefined],
    ["table ip filter\ntable ip gantry_test_182c94\n", undefined],
    ["table ip gantry_4c3cb865\ntable ip gantry_4c3cb865_dns\n", "gantry_4c3cb865"],
    ["table ip gantry_4c3cb865_dns\n", undefined],
  ];
  for (const [listing, found] of cases) assert.equal(otherHostTable(listing, "gantry"), found);
  assert.equal(otherHostTable("table ip gantry\n", "gantry_4c3cb865"), "gantry");
});

test("otherNetworkMessage: names the data directory when the table tells it", () => {
  const listed = (owner: string) =>
    `table ip gantry_1 {\n\tcomment "${owner}"\n\tchain a {\n\t}\n}\n`;
  const cases: readonly [owner: string, directory: string][] = [
    ["/srv/one/node", "/srv/one"],
    ["/srv/one/nodes/2", "/srv/one"],
    ["a Gantry", "DIRECTORY"],
  ];
  for (const [owner, directory] of cases) {
    const message = otherNetworkMessage("gantry_1", listed(owner));
    assert.ok(message.endsWith(`gantry reset --data-dir ${directory}`), message);
  }
});

test("tableOwner: only what a comment of nftables can hold", () => {
  assert.equal(tableOwner("/srv/one/node"), "/srv/one/node");
  assert.equal(tableOwner(`/srv/${"x".repeat(130)}`), "a Gantry");
  assert.equal(tableOwner('/srv/"/node'), "a Gantry");
});
