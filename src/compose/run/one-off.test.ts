import assert from "node:assert/strict";
import { test } from "node:test";
import type { Project } from "#compose/project/model.ts";
import type { Workload } from "#compose/convert/workloads.ts";
import { oneOffPod, type OneOff } from "./one-off.ts";

const project: Project = {
  name: "shop",
  services: { web: { image: "i" } },
  networks: {},
  volumes: {},
  configs: {},
  secrets: {},
};
const workload: Workload = {
  kind: "Deployment",
  spec: {
    selector: {},
    template: {
      metadata: {
        labels: {
          "gantry.dev/compose-service": "web",
          "gantry.dev/compose-network-default": "true",
          "gantry.dev/template": "x",
        },
      },
      spec: {
        containers: [
          {
            name: "web",
            image: "i",
            command: ["serve"],
            args: ["--all"],
            env: [{ name: "A", value: "1" }],
            ports: [{ containerPort: 80, hostPort: 80 }],
            readinessProbe: {},
          },
        ],
      },
    },
  },
};
const plain: OneOff = {
  name: "web-run-1",
  command: [],
  entrypoint: undefined,
  env: [],
  user: undefined,
  workdir: undefined,
  tty: false,
  stdin: false,
  attached: false,
  servicePorts: false,
};

test("oneOffPod: in the service's networks, found by none of its names, once", () => {
  const { metadata, spec } = oneOffPod(project, { service: "web", workload }, plain);
  assert.equal(metadata?.name, "web-run-1");
  assert.equal(metadata.labels?.["gantry.dev/compose-service"], undefined);
  assert.equal(metadata.labels?.["gantry.dev/compose-network-default"], "true");
  assert.equal(metadata.labels["gantry.dev/compose-project"], "shop");
  assert.equal(spec?.restartPolicy, "Never");
  assert.deepEqual(spec.containers, [
    {
      name: "web",
      image: "i",
      command: ["serve"],
      args: ["--all"],
      env: [{ name: "A", value: "1" }],
    },
  ]);
});

const cases: [asked: Partial<OneOff>, want: object][] = [
  [{ command: ["sh"] }, { command: ["serve"], args: ["sh"] }],
  [
    { entrypoint: "sh", command: ["-c", "$x"] },
    { command: ["sh"], args: ["-c", "$x"] },
  ],
  [{ entrypoint: "sh" }, { command: ["sh"], args: [] }],
  [
    { env: ["A=2", "B=3"] },
    {
      env: [
        { name: "A", value: "2" },
        { name: "B", value: "3" },
      ],
    },
  ],
  [{ user: "5:6" }, { securityContext: { runAsUser: 5, runAsGroup: 6 } }],
  [
    { workdir: "/srv", tty: true },
    { workingDir: "/srv", tty: true },
  ],
  [
    { stdin: true, attached: true },
    { stdin: true, stdinOnce: true },
  ],
  [{ servicePorts: true }, { ports: [{ containerPort: 80, hostPort: 80 }] }],
];

for (const [asked, want] of cases) {
  test(`oneOffPod: ${JSON.stringify(asked)}`, () => {
    const pod = oneOffPod(project, { service: "web", workload }, { ...plain, ...asked });
    const [container] = pod.spec?.containers ?? [];
    assert.deepEqual({ ...container, ...want }, container);
  });
}
