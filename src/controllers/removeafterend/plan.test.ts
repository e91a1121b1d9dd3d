import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/gen/types.ts";
import { removalTime, removeAnnotation } from "./plan.ts";

const createdMs = Date.parse("2026-01-01T00:00:00Z");

function pod(phase: string, seconds: string | undefined, finishedAt?: string): Pod {
  return {
    metadata: {
      creationTimestamp: "2026-01-01T00:00:00Z",
      annotations: seconds === undefined ? {} : { [removeAnnotation]: seconds },
    },
    status: {
      phase,
      containerStatuses: [
        {
          name: "c",
          image: "",
          imageID: "",
          ready: false,
          restartCount: 0,
          state: finishedAt === undefined ? {} : { terminated: { exitCode: 0, finishedAt } },
        },
      ],
    },
  };
}

const cases: [name: string, given: Pod, wantMs: number | undefined][] = [
  ["nobody asked", pod("Succeeded", undefined), undefined],
  ["it runs", pod("Running", "0"), undefined],
  ["at once", pod("Succeeded", "0", "2026-01-01T00:01:00Z"), createdMs + 60_000],
  ["a minute later", pod("Failed", "60", "2026-01-01T00:01:00Z"), createdMs + 120_000],
  ["it never began", pod("Failed", "60"), createdMs + 60_000],
  ["no number", pod("Failed", "soon"), undefined],
];

for (const [name, given, wantMs] of cases) {
  test(`removalTime: ${name}`, () => {
    assert.equal(removalTime(given), wantMs);
  });
}
