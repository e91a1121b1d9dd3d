import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { operatorPod, type PodArguments } from "./operator-pod.ts";

interface Case {
  readonly what: string;
  readonly input: PodArguments;
  readonly template?: JsonObject;
  readonly want: JsonObject;
}

const cases: readonly Case[] = [
  {
    what: "image and command",
    input: { image: "busybox", cmds: ["sh", "-c"], arguments: ["echo hi"], namespace: "jobs" },
    want: {
      metadata: { namespace: "jobs" },
      spec: {
        restartPolicy: "Never",
        containers: [{ name: "base", image: "busybox", command: ["sh", "-c"], args: ["echo hi"] }],
      },
    },
  },
  {
    what: "variables of every origin, in Airflow's order",
    input: {
      envVars: { A: "1", B: { deep: true } },
      podRuntimeInfoEnvs: [{ name: "IP", fieldPath: "status.podIP" }],
      secrets: [
        { deployType: "env", deployTarget: "KEY", secret: "keys", key: "one" },
        { deployType: "env", secret: "all" },
        { deployType: "volume", deployTarget: "/keys", secret: "files", key: "two" },
      ],
      configmaps: ["settings"],
    },
    want: {
      metadata: {},
      spec: {
        restartPolicy: "Never",
        volumes: [
          {
            name: "secretvol0",
            secret: { secretName: "files", items: [{ key: "two", path: "two" }] },
          },
        ],
        containers: [
          {
            name: "base",
            env: [
              { name: "A", value: "1" },
              { name: "B", value: '{"deep":true}' },
              { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
              { name: "KEY", valueFrom: { secretKeyRef: { name: "keys", key: "one" } } },
            ],
            envFrom: [{ configMapRef: { name: "settings" } }, { secretRef: { name: "all" } }],
            volumeMounts: [{ name: "secretvol0", mountPath: "/keys", readOnly: true }],
          },
        ],
      },
    },
  },
  {
    what: "arguments win over the full spec, and that over the template",
    template: {
      metadata: { labels: { from: "template", a: "1" } },
      spec: {
        serviceAccountName: "t",
        nodeSelector: { disk: "slow" },
        containers: [{ name: "x" }],
      },
    },
    input: {
      fullPodSpec: { metadata: { labels: { from: "full" } }, spec: { serviceAccountName: "f" } },
      image: "mine",
      labels: { from: "arguments" },
      hostnetwork: true,
    },
    want: {
      metadata: { labels: { from: "arguments", a: "1" } },
      spec: {
        restartPolicy: "Never",
        serviceAccountName: "f",
        nodeSelector: { disk: "slow" },
        hostNetwork: true,
        containers: [{ name: "base", image: "mine" }],
      },
    },
  },
];

for (const { what, input, template = {}, want } of cases) {
  test(`operatorPod: ${what}`, () => {
    assert.deepEqual(operatorPod(input, template), { ...want, apiVersion: "v1", kind: "Pod" });
  });
}

test("operatorPod: a sidecar keeps what the container hands on", () => {
  const { spec } = operatorPod({ image: "x", doXcomPush: true, xcomSidecarImage: "own" }, {}) as {
    spec: {
      containers: { name: string; image: string; volumeMounts: object[] }[];
      volumes: object[];
    };
  };
  assert.deepEqual(
    spec.containers.map((it) => [it.name, it.image]),
    [
      ["base", "x"],
      ["airflow-xcom-sidecar", "own"],
    ],
  );
  const mount = [{ name: "xcom", mountPath: "/airflow/xcom" }];
  assert.deepEqual(
    spec.containers.map((it) => it.volumeMounts),
    [mount, mount],
  );
  assert.deepEqual(spec.volumes, [{ name: "xcom", emptyDir: {} }]);
});
