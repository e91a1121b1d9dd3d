import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuntimeEvent } from "#cri/runtime.ts";
import { eventuallyAnswers } from "#testing/eventually.ts";
import type { RuntimeTester } from "./tester.ts";

export function eventTests(get: () => RuntimeTester): void {
  test("events: created, started, exited when the status says so, deleted", async () => {
    const tester = get();
    const stop = new AbortController();
    const seen: RuntimeEvent[] = [];
    const statesAtExit: string[] = [];
    const watching = (async () => {
      for await (const event of tester.runtime.events(stop.signal)) {
        seen.push(event);
        if (event.kind !== "exited") continue;
        const status = await tester.runtime.containerStatus(event.id, tester.signal);
        if (status !== undefined) statesAtExit.push(status.state);
      }
    })();
    try {
      // The subscription is made when something of it is heard.
      await eventuallyAnswers(
        async () => {
          if (seen.length === 0) await tester.withContainer(["true"], async () => undefined);
          return seen.length;
        },
        (it) => it > 0,
      );
      let container = "";
      await tester.withContainer(["sleep", "0.1"], async ({ id }) => {
        container = id;
        await tester.exited(id);
        await eventuallyAnswers(
          async () => kinds(seen, id),
          (it) => it.includes("exited"),
        );
      });
      await eventuallyAnswers(
        async () => kinds(seen, container),
        (it) => it.includes("deleted"),
      );
      assert.deepEqual(kinds(seen, container), ["created", "started", "exited", "deleted"]);
      assert.ok(statesAtExit.length > 0);
      assert.deepEqual(
        statesAtExit.filter((it) => it !== "exited"),
        [],
      );
    } finally {
      stop.abort(new Error("seen enough"));
      await watching.catch(() => undefined);
    }
  });
}

function kinds(events: readonly RuntimeEvent[], id: string): string[] {
  return events.filter((it) => it.id === id).map((it) => it.kind);
}
