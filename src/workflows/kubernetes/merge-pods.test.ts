import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { mergePods } from "./merge-pods.ts";

const base: JsonObject = {
  metadata: { name: "base", labels: { app: "a", team: "data" }, finalizers: ["one"] },
  spec: {
    restartPolicy: "Never",
    serviceAccountName: "worker",
    volumes: [{ name: "cache" }],
    containers: [
      { name: "base", image: "one", env: [{ name: "A", value: "1" }], resources: { limits: {} } },
      { name: "beside", image: "two" },
    ],
  },
};

test("mergePods: unites, appends, and lets what is laid over win", () => {
  const over: JsonObject = {
    metadata: { name: "mine", labels: { app: "b" }, annotations: { note: "x" } },
    spec: {
      serviceAccountName: "",
      nodeSelector: { disk: "fast" },
      volumes: [{ name: "data" }],
      initContainers: [{ name: "first" }],
      containers: [
        {
          name: "base",
          image: "three",
          env: [{ name: "B", value: "2" }],
          ports: [],
          command: null,
        },
      ],
    },
  };
  assert.deepEqual(mergePods(base, over), {
    metadata: {
      name: "mine",
      labels: { app: "b", team: "data" },
      annotations: { note: "x" },
      finalizers: ["one"],
    },
    spec: {
      restartPolicy: "Never",
      serviceAccountName: "worker",
      nodeSelector: { disk: "fast" },
      volumes: [{ name: "cache" }, { name: "data" }],
      initContainers: [{ name: "first" }],
      containers: [
        {
          name: "base",
          image: "three",
          env: [
            { name: "A", value: "1" },
            { name: "B", value: "2" },
          ],
          resources: { limits: {} },
        },
        { name: "beside", image: "two" },
      ],
    },
  });
});

test("mergePods: nothing laid over changes nothing; nothing below is what is laid over", () => {
  assert.deepEqual(mergePods(base, {}), base);
  assert.deepEqual(mergePods({}, base), base);
});
