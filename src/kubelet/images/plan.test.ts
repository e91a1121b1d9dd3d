import assert from "node:assert/strict";
import { test } from "node:test";
import { imageCollection, planImageRemoval, type ImageRecord } from "./plan.ts";

const minute = 60_000;
const nowMs = 100 * minute;

function image(id: string, more: Partial<ImageRecord> = {}): ImageRecord {
  return { id, sizeBytes: 10, firstSeenMs: 0, lastUsedMs: 0, isInUse: false, ...more };
}

const images = [
  image("used", { isInUse: true, lastUsedMs: nowMs }),
  image("recent", { lastUsedMs: 50 * minute }),
  image("old", { lastUsedMs: 10 * minute }),
  image("never"),
  image("new", { firstSeenMs: nowMs - minute }),
];

const cases: [available: number, ageMaxMs: number, want: string][] = [
  [50, 0, "0 bytes, too old [], others [never old recent]"],
  [16, 0, "0 bytes, too old [], others [never old recent]"],
  [15, 0, "5 bytes, too old [], others [never old recent]"],
  [0, 0, "20 bytes, too old [], others [never old recent]"],
  [50, 60 * minute, "0 bytes, too old [never old], others [recent]"],
  [50, 200 * minute, "0 bytes, too old [], others [never old recent]"],
];

for (const [availableBytes, ageMaxMs, want] of cases) {
  test(`planImageRemoval: ${availableBytes} % free, at most ${ageMaxMs} ms old -> ${want}`, () => {
    const disk = { capacityBytes: 100, availableBytes };
    const limits = { ...imageCollection, ageMaxMs };
    const got = planImageRemoval(images, disk, limits, { nowMs, startedMs: 0 });
    const ids = (list: readonly ImageRecord[]): string => list.map((it) => it.id).join(" ");
    assert.equal(
      `${got.freeBytes} bytes, too old [${ids(got.tooOld)}], others [${ids(got.others)}]`,
      want,
    );
  });
}
