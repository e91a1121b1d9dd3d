import assert from "node:assert/strict";
import { test } from "node:test";
import { cniConflist, containerdToml, hostsToml } from "./config.ts";
import { nodeLayout } from "./layout.ts";

const layout = nodeLayout("/var/lib/node");

test("containerdToml: top-level keys come before the first table, or containerd ignores them", () => {
  const toml = containerdToml({
    layout,
    cniBinDir: "/usr/lib/cni",
    pauseImage: "pause:1",
    canLowerOomScore: false,
  });
  const head = toml.slice(0, toml.indexOf("["));
  assert.match(head, /^version = 2$/m);
  assert.ok(toml.indexOf("disabled_plugins") < toml.indexOf("\n["));
  assert.match(toml, /restrict_oom_score_adj = true/);
  assert.match(toml, /oom_score = 0/);
  assert.match(toml, /address = "\/var\/lib\/node\/containerd.sock"/);
});

test("containerdToml: with the capability, scores are not restricted", () => {
  const toml = containerdToml({
    layout,
    cniBinDir: "cni",
    pauseImage: "pause:1",
    canLowerOomScore: true,
  });
  assert.match(toml, /restrict_oom_score_adj = false/);
  assert.match(toml, /oom_score = -999/);
});

test("cniConflist: routed pairs out of the node's range", () => {
  const list: unknown = JSON.parse(cniConflist(layout, { podCidr: "10.1.2.0/24", mtu: 1450 }));
  assert.deepEqual(list, {
    cniVersion: "0.4.0",
    name: layout.networkName,
    plugins: [
      {
        type: "ptp",
        ipMasq: false,
        mtu: 1450,
        ipam: {
          type: "host-local",
          dataDir: "/var/lib/node/ipam",
          ranges: [[{ subnet: "10.1.2.0/24" }]],
          routes: [{ dst: "0.0.0.0/0" }],
        },
      },
    ],
  });
});

test("hostsToml: mirrors in order, with what they are to be believed by", () => {
  const client = { certificate: "/pki/node.crt", key: "/pki/node.key" };
  assert.equal(
    hostsToml([{ url: "http://a:1" }, { url: "https://b:2", ca: "/pki/ca.crt", client }]),
    `[host."http://a:1"]
  capabilities = ["pull", "resolve"]

[host."https://b:2"]
  capabilities = ["pull", "resolve"]
  ca = "/pki/ca.crt"
  client = [["/pki/node.crt", "/pki/node.key"]]
`,
  );
});

test("nodeLayout: names how much too long a path is for its sockets", () => {
  assert.throws(() => nodeLayout(`/${"x".repeat(120)}`), /too long by 36 bytes/);
  assert.notEqual(nodeLayout("/a").networkName, nodeLayout("/b").networkName);
});
