import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/gen/types.ts";
import { eventFields, eventFilter, eventLine, eventsBetween } from "./events.ts";

const startedAt = "2026-01-01T00:00:00Z";

function pod(state: string, annotations: Record<string, string> = {}): Pod {
  const states: Readonly<Record<string, object>> = {
    created: {},
    running: { running: { startedAt } },
    exited: { terminated: { exitCode: 3, startedAt, finishedAt: startedAt } },
  };
  return {
    metadata: {
      name: "web",
      annotations: {
        "gantry.dev/container-id": "abc",
        "gantry.dev/container-image": "busybox",
        ...annotations,
      },
    },
    spec: { containers: [{ name: "container" }], restartPolicy: "Never" },
    status: {
      phase: state === "exited" ? "Failed" : "Running",
      containerStatuses: [
        {
          name: "container",
          image: "busybox",
          imageID: "",
          ready: true,
          restartCount: 0,
          state: states[state] ?? {},
        },
      ],
    },
  };
}

const paused = { "gantry.dev/paused": "true" };
const cases: [before: Pod | undefined, after: Pod | undefined, want: string][] = [
  [undefined, pod("created"), "create"],
  [pod("created"), pod("running"), "start"],
  [pod("running"), pod("running"), ""],
  [pod("running"), pod("exited"), "die"],
  [pod("created"), pod("exited"), "start die"],
  [undefined, pod("exited"), "create start die"],
  [pod("exited"), undefined, "destroy"],
  [pod("running"), undefined, "die destroy"],
  [pod("running"), pod("running", paused), "pause"],
  [pod("running", paused), pod("running"), "unpause"],
  [pod("running"), pod("running", { "gantry.dev/container-name": "New" }), "rename"],
];

for (const [before, after, want] of cases) {
  test(`eventsBetween: ${want}`, () => {
    const got = eventsBetween(before, after).map((it) => it.action);
    assert.equal(got.join(" "), want);
  });
}

test("events: as Docker prints and filters them", () => {
  const [die] = eventsBetween(pod("running"), pod("exited"));
  assert.ok(die !== undefined);
  assert.equal(eventLine(die, "T"), "T container die abc (exitCode=3, image=busybox, name=web)");
  const fields = eventFields(die, 1_500);
  assert.deepEqual([fields["time"], fields["timeNano"]], [1, 1_500_000_000]);
  assert.equal(eventFilter(["event=die", "event=start"])(die), true);
  assert.equal(eventFilter(["event=die", "container=other"])(die), false);
  assert.equal(eventFilter(["image=busybox", "type=container"])(die), true);
  assert.throws(() => eventFilter(["colour=red"]), /invalid filter 'colour=red'/);
});
