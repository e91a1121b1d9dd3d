import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerResizePolicy, Pod, ResourceRequirements } from "#api/gen/types.ts";
import { containerOf, podOf } from "#testing/pod-fixtures.ts";
import {
  allocationOf,
  differing,
  isGranted,
  recoveredActuation,
  recoveredAllocation,
  resizeMessage,
  withAllocation,
} from "./allocation.ts";
import { byResizeUrgency, containerResize, noResize, resizeConditions } from "./resize.ts";

function cpu(request: string, limit?: string): ResourceRequirements {
  return { requests: { cpu: request }, ...(limit === undefined ? {} : { limits: { cpu: limit } }) };
}

function podWith(resources: ResourceRequirements, more: Partial<Pod> = {}): Pod {
  return { ...podOf({ containers: [containerOf("app", { resources })] }), ...more };
}

const amounts: [left: ResourceRequirements, right: ResourceRequirements, want: string][] = [
  [{}, {}, ""],
  [cpu("1"), cpu("1000m"), ""],
  [cpu("1"), cpu("2"), "cpu"],
  [cpu("1"), cpu("1", "2"), "cpu"],
  [{ limits: { memory: "1Gi" } }, { limits: { memory: "1024Mi" } }, ""],
  [{ limits: { memory: "1Gi", cpu: "1" } }, {}, "cpu memory"],
  [{ requests: { "ephemeral-storage": "1Gi" } }, {}, ""],
];

for (const [left, right, want] of amounts) {
  test(`differing: ${JSON.stringify([left, right])} -> '${want}'`, () => {
    assert.equal(differing(left, right).join(" "), want);
  });
}

test("withAllocation: a pod keeps what it was granted until it is granted more", () => {
  const before = podWith(cpu("1"));
  const asked = podWith(cpu("2"));
  const allocation = allocationOf(before);
  assert.equal(isGranted(asked, allocation), false);
  assert.deepEqual(withAllocation(asked, allocation), before);
  assert.equal(withAllocation(asked, allocationOf(asked)), asked);
});

test("recoveredAllocation: a running container has what its status says, a waiting one asks", () => {
  const status = (state: "running" | "waiting"): Partial<Pod> => ({
    status: {
      containerStatuses: [
        {
          name: "app",
          image: "",
          imageID: "",
          ready: true,
          restartCount: 0,
          containerID: "simulated://c1",
          state: { [state]: {} },
          resources: cpu("1"),
        },
      ],
    },
  });
  const running = podWith(cpu("2"), status("running"));
  assert.deepEqual(recoveredAllocation(running).containers.get("app"), cpu("1"));
  const waiting = podWith(cpu("2"), status("waiting"));
  assert.deepEqual(recoveredAllocation(waiting).containers.get("app"), cpu("2"));
  assert.deepEqual(recoveredActuation(running).containers, new Map([["c1", cpu("1")]]));
});

const restartCpu: ContainerResizePolicy[] = [
  { resourceName: "cpu", restartPolicy: "RestartContainer" },
];
const resizes: [
  now: ResourceRequirements | undefined,
  granted: ResourceRequirements,
  policy: ContainerResizePolicy[],
  want: string,
][] = [
  [undefined, cpu("1"), [], "none"],
  [cpu("1"), cpu("1"), restartCpu, "none"],
  [cpu("1"), cpu("2"), [], "update"],
  [cpu("1"), cpu("2"), restartCpu, "restart"],
  [cpu("1"), { ...cpu("1"), limits: { memory: "1Gi" } }, restartCpu, "update"],
];

for (const [now, granted, resizePolicy, want] of resizes) {
  test(`containerResize: ${JSON.stringify([now, granted, resizePolicy])} -> ${want}`, () => {
    const spec = containerOf("app", { resources: granted, resizePolicy });
    const containers = new Map(now === undefined ? [] : [["c1", now]]);
    const got = containerResize({ spec, role: "regular" }, "c1", {
      containers,
      pod: undefined,
      group: "settled",
    });
    assert.equal(got, want);
  });
}

test("byResizeUrgency: what shrinks, priority, class, and who waits longest", () => {
  const waiting = (name: string, change: string, spec = {}, sinceMs = 5): Waiting => {
    const [from = "", to = ""] = change.split("-");
    const desired = { ...podWith(cpu(to)), ...spec };
    return { name, desired, granted: podWith(cpu(from)), sinceMs };
  };
  type Waiting = { name: string; desired: Pod; granted: Pod; sinceMs: number };
  const guaranteed = { status: { qosClass: "Guaranteed" } };
  const important = { spec: { ...podWith(cpu("2")).spec, priority: 5 } } as Partial<Pod>;
  const all = [
    waiting("late", "1-2", {}, 9),
    waiting("early", "1-2"),
    waiting("guaranteed", "1-2", guaranteed),
    waiting("important", "1-2", important),
    waiting("shrinks", "2-1"),
  ];
  const got = all.sort(byResizeUrgency).map((it) => it.name);
  assert.deepEqual(got, ["shrinks", "important", "guaranteed", "early", "late"]);
});

test("resizeConditions: pending says why, in progress says what went wrong", () => {
  assert.deepEqual(resizeConditions(noResize), []);
  const pending = { message: "no room", generation: 2, sinceMs: 0 };
  const got = resizeConditions({ pending, running: { generation: 1, error: "refused" } });
  const shown = got.map((it) => [it.type, it.reason, it.message, it.observedGeneration].join("|"));
  assert.deepEqual(shown, [
    "PodResizePending|Deferred|no room|2",
    "PodResizeInProgress|Error|refused|1",
  ]);
});

test("resizeMessage: names what is asked", () => {
  assert.equal(
    resizeMessage("started", podWith(cpu("2")), 3),
    'Pod resize started: {"containers":[{"name":"app","resources":{"requests":{"cpu":"2"}}}],"generation":3}',
  );
});
