import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import { MetricRegistry } from "#base/metrics/registry.ts";
import { exposeProxy } from "./metrics.ts";

const answer = `# pxname,svname,qcur,scur,stot,bin,bout,ereq,econ,status,hrsp_2xx,hrsp_5xx,req_tot,
http,FRONTEND,,3,10,1000,2000,1,,OPEN,8,1,9,
b1,s0,0,1,5,1,1,,0,no check,4,0,,
b1,BACKEND,2,1,5,500,600,,4,UP,4,1,5,

`;

test("exposeProxy: frontends and backends of one answer, servers left out", async () => {
  const clock = new FakeClock();
  const metrics = new MetricRegistry();
  let asked = 0;
  const exposed = exposeProxy(metrics, clock, () => {
    asked++;
    return Promise.resolve(answer);
  });
  const text = await metrics.render();
  for (const line of [
    'haproxy_frontend_http_requests_total{proxy="http"} 9',
    'haproxy_frontend_http_responses_total{proxy="http",code="2xx"} 8',
    'haproxy_frontend_request_errors_total{proxy="http"} 1',
    'haproxy_backend_current_queue{proxy="b1"} 2',
    'haproxy_backend_connection_errors_total{proxy="b1"} 4',
    'haproxy_backend_http_responses_total{proxy="b1",code="5xx"} 1',
  ]) {
    assert(text.includes(`${line}\n`), `${line} in ${text}`);
  }
  assert.equal(asked, 1);
  await clock.advance(1_000);
  await metrics.render();
  assert.equal(asked, 2);
  exposed[Symbol.dispose]();
  assert.equal(await metrics.render(), "");
});

test("exposeProxy: nothing while no proxy runs, or none answers", async () => {
  const metrics = new MetricRegistry();
  const clock = new FakeClock();
  exposeProxy(metrics, clock, () => Promise.resolve(""));
  assert.equal(await metrics.render(), "");
  const broken = new MetricRegistry();
  exposeProxy(broken, clock, () => Promise.reject(new Error("no answer")));
  assert.equal(await broken.render(), "");
});
