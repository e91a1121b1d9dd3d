import assert from "node:assert/strict";
import { test } from "node:test";
import { executorOf, parseExecutors } from "./names.ts";

const cases: readonly {
  readonly text: string;
  readonly opened: readonly string[];
  /** Of tasks `executor/queue`. */
  readonly goes: Readonly<Record<string, string>>;
}[] = [
  {
    text: "LocalExecutor",
    opened: ["LocalExecutor"],
    goes: { "/default": "LocalExecutor", "/kubernetes": "LocalExecutor" },
  },
  {
    text: "LocalExecutor, KubernetesExecutor",
    opened: ["LocalExecutor", "KubernetesExecutor"],
    goes: { "/default": "LocalExecutor", "KubernetesExecutor/default": "KubernetesExecutor" },
  },
  {
    text: "LocalKubernetesExecutor",
    opened: ["LocalExecutor", "KubernetesExecutor"],
    goes: { "/default": "LocalExecutor", "/kubernetes": "KubernetesExecutor" },
  },
  {
    text: "CeleryKubernetesExecutor,LocalExecutor",
    opened: ["CeleryExecutor", "KubernetesExecutor", "LocalExecutor"],
    goes: {
      "/default": "CeleryExecutor",
      "/kubernetes": "KubernetesExecutor",
      "LocalExecutor/kubernetes": "LocalExecutor",
    },
  },
  {
    text: "pods:KubernetesExecutor,LocalExecutor",
    opened: ["pods", "LocalExecutor"],
    goes: { "/default": "pods", "LocalExecutor/default": "LocalExecutor" },
  },
];

for (const { text, opened, goes } of cases) {
  test(`parseExecutors: ${text}`, () => {
    const choice = parseExecutors(text, "kubernetes");
    assert.deepEqual([...choice.kinds.keys()], opened);
    for (const [task, want] of Object.entries(goes)) {
      const [executor = "", queue = ""] = task.split("/");
      const given = { executor: executor === "" ? undefined : executor, queue };
      assert.equal(executorOf(choice, given), want, task);
    }
  });
}

test("parseExecutors: says what is wrong", () => {
  assert.throws(() => parseExecutors("Dask", "kubernetes"), /there is no 'Dask'; there are Local/);
  assert.throws(() => parseExecutors("LocalExecutor,LocalExecutor", "k"), /named twice/);
  assert.throws(() => parseExecutors("a:LocalExecutor,LocalExecutor", "k"), /named twice/);
  assert.throws(() => parseExecutors("", "k"), /there is no ''/);
});
