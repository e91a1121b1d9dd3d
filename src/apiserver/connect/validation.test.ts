import assert from "node:assert/strict";
import { test } from "node:test";
import { readLogRequest } from "./validation.ts";

const good: [query: string, want: string][] = [
  ["", "stream=All"],
  ["container=a&follow=true", "follow=true&stream=All"],
  ["follow=false&previous=0&timestamps=", "timestamps=true&stream=All"],
  ["tailLines=0&limitBytes=1&sinceSeconds=5", "sinceSeconds=5&tailLines=0&limitBytes=1&stream=All"],
  ["sinceTime=2026-01-01T00:00:00Z", "sinceTime=2026-01-01T00%3A00%3A00Z&stream=All"],
  ["stream=Stderr", "stream=Stderr"],
];
for (const [query, want] of good) {
  test(`log request: ?${query}`, () => {
    const request = readLogRequest(new URLSearchParams(query));
    assert.ok("params" in request);
    assert.deepEqual([request.errors, String(request.params)], [[], want]);
  });
}

const bad: [query: string, want: string][] = [
  ["tailLines=-1", "tailLines: Invalid value: -1: must be greater than or equal to 0"],
  ["limitBytes=0", "limitBytes: Invalid value: 0: must be greater than 0"],
  ["sinceSeconds=0", "sinceSeconds: Invalid value: 0: must be greater than 0"],
  [
    "sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z",
    ": Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified",
  ],
  ["stream=Both", 'stream: Unsupported value: "Both": supported values: "All", "Stderr", "Stdout"'],
  [
    "stream=Stdout&tailLines=1",
    ": Forbidden: `tailLines` and specific `stream` are mutually exclusive for now",
  ],
];
for (const [query, want] of bad) {
  test(`log request: ?${query} is refused`, () => {
    const request = readLogRequest(new URLSearchParams(query));
    assert.ok("errors" in request);
    assert.deepEqual(
      request.errors.map((it) => `${it.field}: ${it.message}`),
      [want],
    );
  });
}

for (const query of ["tailLines=many", "sinceTime=yesterday", "limitBytes=1.5"]) {
  test(`log request: ?${query} cannot be read`, () => {
    assert.ok("unreadable" in readLogRequest(new URLSearchParams(query)));
  });
}
