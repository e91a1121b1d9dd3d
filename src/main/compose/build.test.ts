import assert from "node:assert/strict";
import { test } from "node:test";
import type { Build, Project } from "#compose/project/model.ts";
import type { BuildCommandOptions } from "#main/build/options.ts";
import { buildOptionsOf } from "./build.ts";

const flags = {
  dataDir: "/data",
  noCache: false,
  pull: false,
  quiet: false,
  progress: "plain",
  buildArg: ["A=flag"],
} as const;

function optionsOf(build: Build, image?: string): BuildCommandOptions {
  const project: Project = {
    name: "shop",
    services: { web: { build, image } },
    volumes: {},
    networks: {},
    configs: {},
    secrets: { key: { file: "/key" }, token: { environment: "TOKEN" }, there: { external: true } },
  };
  return buildOptionsOf(project, { name: "web", build, file: build.dockerfile }, flags);
}

test("buildOptionsOf: the image of a service without a name", () => {
  const options = optionsOf({ context: "/c" });
  assert.deepEqual(options.tag, ["shop-web"]);
  assert.deepEqual(options.buildArg, ["A=flag"]);
  assert.equal(options.cache, true);
  assert.equal(options.network, "host");
});

test("buildOptionsOf: everything that a section says", () => {
  const options = optionsOf(
    {
      context: "/c",
      dockerfile: "D",
      args: { A: "1", FROM_SHELL: null },
      target: "final",
      labels: { team: "data" },
      no_cache: true,
      pull: true,
      network: "none",
      tags: ["app:2"],
      platforms: ["linux/amd64"],
      secrets: [{ source: "key" }, { source: "token", target: "t" }],
    },
    "app:1",
  );
  assert.deepEqual(options.tag, ["app:1", "app:2"]);
  // The command's win: later ones do.
  assert.deepEqual(options.buildArg, ["A=1", "FROM_SHELL", "A=flag"]);
  assert.deepEqual(options.secret, ["id=key,src=/key", "id=t,env=TOKEN"]);
  assert.deepEqual(options.label, ["team=data"]);
  const { file, target, cache, pull, network, platform } = options;
  assert.deepEqual(
    { file, target, cache, pull, network, platform },
    {
      file: "D",
      target: "final",
      cache: false,
      pull: true,
      network: "none",
      platform: "linux/amd64",
    },
  );
});

test("buildOptionsOf: what cannot be is named", () => {
  assert.throws(
    () => optionsOf({ context: "/c", secrets: [{ source: "there" }] }),
    /there is no secret/,
  );
  assert.throws(() => optionsOf({ context: "/c", network: "mine" }), /expected host or none/);
});
