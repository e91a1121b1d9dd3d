import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container } from "#api/gen/types.ts";
import { committedConfig } from "./commit.ts";

const image = { Env: ["PATH=/bin", "A=1"], Cmd: ["sh"], Labels: { a: "b" } };

const cases: [container: Partial<Container>, want: object][] = [
  [{}, image],
  [{ args: ["ls"] }, { ...image, Cmd: ["ls"] }],
  [
    { command: ["sh"], args: ["-c", "x"] },
    { ...image, Entrypoint: ["sh"], Cmd: ["-c", "x"] },
  ],
  [{ command: ["sh"] }, { ...image, Entrypoint: ["sh"], Cmd: [] }],
  [
    {
      env: [
        { name: "A", value: "2" },
        { name: "B", value: "3" },
      ],
    },
    { ...image, Env: ["PATH=/bin", "A=2", "B=3"] },
  ],
  [
    { workingDir: "/srv", securityContext: { runAsUser: 5, runAsGroup: 6 } },
    { ...image, WorkingDir: "/srv", User: "5:6" },
  ],
];

for (const [container, want] of cases) {
  test(`committedConfig: ${JSON.stringify(container)}`, () => {
    const pod = { spec: { containers: [{ name: "container", ...container }] } };
    assert.deepEqual(committedConfig(image, pod), want);
  });
}
