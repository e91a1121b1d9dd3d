import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatAge, formatMicroTime, formatTime, parseTime } from "./time.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

test("formatAge: as kubectl's HumanDuration", () => {
  const table: [number, string][] = [
    [-5 * second, "<invalid>"],
    [-2 * second, "<invalid>"],
    [-1500, "0s"],
    [-1, "0s"],
    [0, "0s"],
    [999, "0s"],
    [5 * second, "5s"],
    [119 * second, "119s"],
    [120 * second, "2m"],
    [123 * second, "2m3s"],
    [10 * minute - 1, "9m59s"],
    [10 * minute + 30 * second, "10m"],
    [3 * hour - 1, "179m"],
    [3 * hour, "3h"],
    [3 * hour + 20 * minute, "3h20m"],
    [8 * hour - 1, "7h59m"],
    [8 * hour + 10 * minute, "8h"],
    [2 * day - 1, "47h"],
    [2 * day, "2d"],
    [2 * day + 5 * hour, "2d5h"],
    [8 * day - 1, "7d23h"],
    [8 * day + 1 * hour, "8d"],
    [2 * 365 * day - 1, "729d"],
    [2 * 365 * day, "2y"],
    [2 * 365 * day + day, "2y1d"],
    [8 * 365 * day - 1, "7y364d"],
    [8 * 365 * day + day, "8y"],
  ];
  for (const [given, want] of table) assert.equal(formatAge(given), want, String(given));
});

test("parseTime: what Go's RFC 3339 accepts", () => {
  const base = Date.UTC(2024, 1, 29, 12, 30, 15);
  const table: [string, number | undefined][] = [
    ["2024-02-29T12:30:15Z", base],
    ["2024-02-29T12:30:15.5Z", base + 500],
    ["2024-02-29T12:30:15.123456789Z", base + 123],
    ["2024-02-29T14:30:15+02:00", base],
    ["2024-02-29T07:00:15-05:30", base],
    ["0001-01-01T00:00:00Z", -62_135_596_800_000],
    ["2023-02-29T12:30:15Z", undefined],
    ["2024-02-30T12:30:15Z", undefined],
    ["2024-13-01T00:00:00Z", undefined],
    ["2024-00-01T00:00:00Z", undefined],
    ["2024-01-01T24:00:00Z", undefined],
    ["2024-01-01T23:59:60Z", undefined],
    ["2024-01-01 00:00:00Z", undefined],
    ["2024-01-01T00:00:00", undefined],
    ["2024-01-01", undefined],
    ["", undefined],
  ];
  for (const [given, want] of table) assert.equal(parseTime(given), want, given);
});

test("formatTime and formatMicroTime: UTC, fixed width", () => {
  const ms = Date.UTC(2024, 0, 2, 3, 4, 5, 678);
  assert.equal(formatTime(ms), "2024-01-02T03:04:05Z");
  assert.equal(formatMicroTime(ms), "2024-01-02T03:04:05.678000Z");
  assert.equal(formatMicroTime(ms + 0.25), "2024-01-02T03:04:05.678250Z");
});

test("parseTime reads what formatTime writes", () => {
  fc.assert(
    fc.property(fc.integer({ min: -62_000_000_000, max: 250_000_000_000 }), (seconds) => {
      assert.equal(parseTime(formatTime(seconds * 1000)), seconds * 1000);
      assert.equal(parseTime(formatMicroTime(seconds * 1000 + 7)), seconds * 1000 + 7);
    }),
  );
});
