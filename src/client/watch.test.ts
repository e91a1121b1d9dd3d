import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nextState, pauseMs, startWatch, type WatchInput, type WatchState } from "./watch.ts";

/** `initial`, `watching@7`, `waiting(restart)`, with `!n` for failures and `-` without WatchList. */
function show(state: WatchState): string {
  const suffix = `${state.failures > 0 ? `!${state.failures}` : ""}${state.watchList ? "" : "-"}`;
  switch (state.kind) {
    case "initial":
      return `initial${suffix}`;
    case "listing":
      return `listing(${state.continueToken})${suffix}`;
    case "watching":
      return `watching@${state.resourceVersion}${suffix}`;
    case "waiting":
      return state.then === "resume"
        ? `waiting(resume@${state.resourceVersion})${suffix}`
        : `waiting(restart)${suffix}`;
  }
}

function input(text: string): WatchInput {
  const [kind = "", value = "", token = ""] = text.split(/[@+]/);
  switch (kind) {
    case "page":
      return { kind, resourceVersion: value, continueToken: token };
    case "initial-end":
    case "progress":
      return { kind, resourceVersion: value };
    default:
      return { kind: kind as "ended" | "expired" | "unsupported" | "failed" | "waited" };
  }
}

const cases: [watchList: boolean, inputs: string, want: string][] = [
  [true, "", "initial"],
  [true, "initial-end@5", "watching@5"],
  [true, "progress@3", "initial"],
  [true, "initial-end@5 progress@9", "watching@9"],
  [true, "unsupported", "listing()-"],
  [true, "unsupported page@4+abc", "listing(abc)-"],
  [true, "unsupported page@4+abc page@4", "watching@4-"],
  [true, "failed", "waiting(restart)!1"],
  [true, "failed waited", "initial!1"],
  [true, "failed waited failed waited", "initial!2"],
  [true, "initial-end@5 ended", "waiting(resume@5)!1"],
  [true, "initial-end@5 ended waited", "watching@5!1"],
  [true, "initial-end@5 ended waited progress@6", "watching@6"],
  [true, "initial-end@5 expired", "waiting(restart)!1"],
  [true, "initial-end@5 expired waited", "initial!1"],
  [false, "page@4+abc expired waited", "listing()!1-"],
  [false, "page@4 failed waited failed", "waiting(resume@4)!2-"],
];

for (const [watchList, inputs, want] of cases) {
  test(`nextState: ${watchList ? "initial" : "listing"} [${inputs}] -> ${want}`, () => {
    const given = inputs.split(" ").filter((it) => it !== "");
    const end = given.map(input).reduce(nextState, startWatch(watchList));
    assert.equal(show(end), want);
  });
}

test("nextState: no input leaves the machine stuck: waiting always leads on", () => {
  const inputs = ["page@1+x", "page@1", "initial-end@2", "progress@3", "ended", "expired"];
  inputs.push("unsupported", "failed", "waited");
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...inputs)), fc.boolean(), (sequence, watchList) => {
      const end = sequence.map(input).reduce(nextState, startWatch(watchList));
      const after = end.kind === "waiting" ? nextState(end, { kind: "waited" }) : end;
      assert.notEqual(after.kind, "waiting");
    }),
  );
});

test("pauseMs: none at first, doubling to thirty seconds", () => {
  const got = [1, 2, 3, 4, 20].map((failures) => pauseMs(failures, 0));
  assert.deepEqual(got, [0, 100, 200, 400, 30_000]);
});
