import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyState } from "#build/stage/state.ts";
import { assembleConfig, assembleManifest, type ImageLayer } from "./assemble.ts";

const options = { labels: new Map<string, string>(), epochMs: undefined, nowMs: 5_000 };
const base: ImageLayer = {
  descriptor: {
    mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip",
    digest: "sha256:b",
    size: 1,
  },
  diffId: "sha256:B",
  createdAt: undefined,
};
function own(createdAt: number): ImageLayer {
  return { ...base, createdAt, diffId: `sha256:${createdAt}` };
}

const state = {
  ...emptyState({ os: "linux", architecture: "amd64" }),
  history: [
    { created: "2020-01-01T00:00:00.000Z", created_by: "base" },
    { created_by: "ENV a", empty_layer: true },
    { created_by: "RUN 1" },
    { created_by: "ENV b", empty_layer: true },
    { created_by: "RUN 2" },
  ],
};

test("assembleConfig: what is new has the time of its layer or of the one before", () => {
  const config = assembleConfig(state, [base, own(1_000), own(2_000)], options);
  assert.deepEqual(
    config.history?.map((it) => it.created?.slice(17, 19)),
    ["00", "01", "01", "01", "02"],
  );
  assert.equal(config.created, "1970-01-01T00:00:02.000Z");
  assert.deepEqual(config.rootfs.diff_ids, ["sha256:B", "sha256:1000", "sha256:2000"]);
});

test("assembleConfig: an epoch dates everything that is new", () => {
  const config = assembleConfig(state, [base, own(1_000), own(2_000)], { ...options, epochMs: 0 });
  assert.equal(config.created, "1970-01-01T00:00:00.000Z");
  assert.equal(config.history?.[0]?.created, "2020-01-01T00:00:00.000Z");
});

test("assembleConfig: labels of the command line go before those of the file", () => {
  const labelled = { ...state, config: { Labels: { a: "1", b: "1" }, Cmd: null, OnBuild: null } };
  const config = assembleConfig(labelled, [], { ...options, labels: new Map([["b", "2"]]) });
  assert.deepEqual(config.config, { Labels: { a: "1", b: "2" } });
});

test("assembleManifest: Docker's layers get the name that OCI has for them", () => {
  const manifest = JSON.stringify(assembleManifest({ digest: "sha256:c", size: 2 }, [base]));
  assert.match(manifest, /"application\/vnd\.oci\.image\.layer\.v1\.tar\+gzip"/);
  assert.doesNotMatch(manifest, /docker/);
});
