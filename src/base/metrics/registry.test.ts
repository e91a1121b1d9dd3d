import assert from "node:assert/strict";
import { test } from "node:test";
import { renderFamilies, valueText } from "./exposition.ts";
import { MetricRegistry } from "./registry.ts";
import { seriesMax } from "./series.ts";

test("MetricRegistry: counters, gauges and histograms in Prometheus' text format", async () => {
  const metrics = new MetricRegistry();
  const requests = metrics.counter({
    name: "r_total",
    help: "Requests.",
    labels: ["verb", "code"],
  });
  requests.of("GET", "200").add();
  requests.of("GET", "200").add(2);
  requests.of("PUT", "409").add();
  metrics.gauge({ name: "depth", help: "Depth." }).of().set(-1.5);
  const seconds = metrics.histogram({
    name: "s_seconds",
    help: "Seconds.",
    labels: ["q"],
    buckets: [0.5, 1],
  });
  for (const it of [0.5, 0.75, 2]) seconds.of("a").observe(it);
  metrics.counter({ name: "none_total", help: "Nothing of it is known." });
  assert.equal(
    await metrics.render(),
    `# HELP r_total Requests.
# TYPE r_total counter
r_total{verb="GET",code="200"} 3
r_total{verb="PUT",code="409"} 1
# HELP depth Depth.
# TYPE depth gauge
depth -1.5
# HELP s_seconds Seconds.
# TYPE s_seconds histogram
s_seconds_bucket{q="a",le="0.5"} 1
s_seconds_bucket{q="a",le="1"} 2
s_seconds_bucket{q="a",le="+Inf"} 3
s_seconds_sum{q="a"} 3.25
s_seconds_count{q="a"} 3
`,
  );
});

test("MetricRegistry: a histogram without labels", async () => {
  const metrics = new MetricRegistry();
  metrics
    .histogram({ name: "h", help: "H.", buckets: [1] })
    .of()
    .observe(1);
  assert.equal(
    await metrics.render(),
    `# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`,
  );
});

test("MetricRegistry: the same name gives the same instrument, another shape is refused", async () => {
  const metrics = new MetricRegistry();
  const head = { name: "a_total", help: "A.", labels: ["x"] } as const;
  metrics.counter(head).of("1").add();
  metrics.counter(head).of("1").add();
  assert.match(await metrics.render(), /^a_total\{x="1"\} 2$/m);
  assert.throws(
    () => metrics.counter({ ...head, labels: ["y"] }),
    /one type and one set of labels/,
  );
  assert.throws(() => metrics.gauge(head), /one type and one set of labels/);
});

test("MetricRegistry: computed values come from every source until it is taken away", async () => {
  const metrics = new MetricRegistry();
  const head = { name: "size", help: "S.", type: "gauge" } as const;
  let size = 1;
  const remove = metrics.computed(head, () => [{ labels: { of: "a" }, value: size }]);
  metrics.computed(head, () => [{ labels: { of: "b" }, value: 7 }]);
  size = 2;
  assert.match(await metrics.render(), /^size\{of="a"\} 2\nsize\{of="b"\} 7$/m);
  remove();
  assert.doesNotMatch(await metrics.render(), /of="a"/);
});

test("MetricRegistry: of two sources for the same labels the newer one counts", async () => {
  const metrics = new MetricRegistry();
  const head = { name: "size", help: "S.", type: "gauge" } as const;
  const sample = (value: number) => ({ labels: { of: "a" }, value });
  metrics.computed(head, () => [sample(1), { labels: { of: "b" }, value: 3 }]);
  const remove = metrics.computed(head, () => [sample(2)]);
  assert.match(await metrics.render(), /^size\{of="a"\} 2\nsize\{of="b"\} 3\n$/m);
  remove();
  assert.match(await metrics.render(), /^size\{of="a"\} 1$/m);
});

test("MetricRegistry: a source that fails adds nothing", async () => {
  const metrics = new MetricRegistry();
  const head = { name: "size", help: "S.", type: "gauge" } as const;
  metrics.computed(head, () => Promise.reject(new Error("gone")));
  metrics.computed(head, () => Promise.resolve([{ labels: {}, value: 1 }]));
  assert.match(await metrics.render(), /^size 1$/m);
});

test("a metric keeps a bounded number of series; the rest counts under `other`", async () => {
  const metrics = new MetricRegistry();
  const counter = metrics.counter({ name: "c_total", help: "C.", labels: ["x", "y"] });
  for (let i = 0; i < seriesMax + 10; i++) counter.of(`${i}`, "y").add();
  assert.match(await metrics.render(), /^c_total\{x="other",y="other"\} 10$/m);
  assert.equal((await metrics.render()).split("\n").length, 2 + seriesMax + 1 + 1);
});

test("a gauge forgets what is gone", async () => {
  const metrics = new MetricRegistry();
  const gauge = metrics.gauge({ name: "g", help: "G.", labels: ["x"] });
  gauge.of("a").set(1);
  gauge.remove("a");
  assert.equal(await metrics.render(), "");
});

test("renderFamilies: escapes of labels and help, and times", () => {
  const family = { name: "f", help: "one\\two\nthree", type: "gauge" as const };
  const sample = { labels: { x: 'a"b\\c\nd' }, value: 1, timeMs: 1_500.4 };
  assert.equal(
    renderFamilies([
      { ...family, samples: [sample] },
      { ...family, name: "g", samples: [] },
    ]),
    `# HELP f one\\\\two\\nthree\n# TYPE f gauge\nf{x="a\\"b\\\\c\\nd"} 1 1500\n`,
  );
});

test("renderFamilies: a series that is there twice is written once", () => {
  const samples = [1, 2].map((value) => ({ labels: { pod: "a" }, value }));
  const family = { name: "f", help: "F.", type: "gauge" as const, samples };
  assert.match(renderFamilies([family]), /gauge\nf\{pod="a"\} 2\n$/);
});

for (const [value, want] of [
  [0, "0"],
  [1e21, "1e+21"],
  [Infinity, "+Inf"],
  [-Infinity, "-Inf"],
  [NaN, "NaN"],
] as const) {
  test(`valueText: ${value} -> ${want}`, () => {
    assert.equal(valueText(value), want);
  });
}
