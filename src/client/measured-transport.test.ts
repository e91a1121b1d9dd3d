import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import { MetricRegistry } from "#base/metrics/registry.ts";
import { measuredTransport } from "./measured-transport.ts";
import { TransportError, type HttpResponse } from "./transport.ts";

test("measuredTransport: counts answers and failures, and passes both on", async () => {
  const clock = new FakeClock();
  const metrics = new MetricRegistry();
  const answer: HttpResponse = { status: 404, headers: {}, body: (async function* () {})() };
  const answers = [Promise.resolve(answer), Promise.reject(new TransportError("lost"))];
  const transport = measuredTransport(
    {
      send: async () => {
        await clock.advance(200);
        return await (answers.shift() ?? Promise.reject(new Error("asked too often")));
      },
    },
    "h:1",
    { metrics, clock },
  );
  const { signal } = new AbortController();
  const request = { method: "GET", path: "/", headers: {} } as const;
  assert.equal(await transport.send(request, signal), answer);
  await assert.rejects(transport.send(request, signal), TransportError);
  const text = await metrics.render();
  for (const line of [
    'rest_client_requests_total{code="404",host="h:1",method="GET"} 1',
    'rest_client_requests_total{code="<error>",host="h:1",method="GET"} 1',
    'rest_client_request_duration_seconds_bucket{host="h:1",verb="GET",le="0.25"} 2',
  ]) {
    assert(text.includes(`${line}\n`), `${line} in ${text}`);
  }
});
