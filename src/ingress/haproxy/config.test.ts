import assert from "node:assert/strict";
import { test } from "node:test";
import type { BackendPlan, IngressPlan, Target } from "#ingress/model.ts";
import { renderConfig, type ConfigSettings } from "./config.ts";
import type { Slots } from "./slots.ts";

const settings: ConfigSettings = {
  socket: "s1",
  user: { uid: 7, gid: 8 },
  httpPort: 80,
  httpsPort: 443,
  connectionsMax: 100,
  threads: 2,
  defaultCertificate: "NOBODY",
};

const usual: BackendPlan = {
  protocol: "http",
  sticky: false,
  readMs: undefined,
  tunnelMs: undefined,
  bodyBytesMax: undefined,
  endpoints: [],
};

function to(backend: string, redirect = false): Target {
  return { backend, redirect };
}

function plan(more: Partial<IngressPlan> = {}): IngressPlan {
  const empty = new Map<string, Target>();
  const routes = { exact: empty, prefix: empty, fallback: empty, last: undefined };
  const none = { served: [], certificates: [], defaultCertificate: undefined, problems: [] };
  return { ...none, routes, backends: new Map(), ...more };
}

/** The lines of a section, `backend d:web:80`, without their indent. */
function section(files: ReadonlyMap<string, string>, name: string): string[] {
  const lines = (files.get("haproxy.cfg") ?? "").split("\n");
  const from = lines.indexOf(name) + 1;
  assert.notEqual(from, 0, `no section ${name}`);
  const length = lines.slice(from).findIndex((it) => !it.startsWith("  "));
  return lines.slice(from, from + length).map((it) => it.trim());
}

const backends: [what: string, backend: Partial<BackendPlan>, want: string[]][] = [
  ["usual", {}, ["balance roundrobin"]],
  ["sticky", { sticky: true }, ["balance source", "hash-type consistent"]],
  [
    "with times",
    { readMs: 1_500, tunnelMs: 60_000 },
    ["balance roundrobin", "timeout server 1500ms", "timeout tunnel 60000ms"],
  ],
];

for (const [what, backend, want] of backends) {
  test(`renderConfig: a backend: ${what}`, () => {
    const slots: Slots = new Map([["d:web:80", ["10.0.0.1:8080", undefined]]]);
    const given = plan({ backends: new Map([["d:web:80", { ...usual, ...backend }]]) });
    assert.deepEqual(section(renderConfig(given, slots, settings), "backend d:web:80"), [
      ...want,
      "server s0 10.0.0.1:8080",
      "server s1 127.0.0.1:1 disabled",
    ]);
  });
}

test("renderConfig: services that speak HTTP/2, or TLS", () => {
  const slots: Slots = new Map([
    ["two", ["10.0.0.1:1"]],
    ["safe", ["10.0.0.2:2"]],
  ]);
  const given = plan({
    backends: new Map([
      ["two", { ...usual, protocol: "h2c" }],
      ["safe", { ...usual, protocol: "https" }],
    ]),
  });
  const files = renderConfig(given, slots, settings);
  assert.equal(section(files, "backend two").at(-1), "server s0 10.0.0.1:1 proto h2");
  assert.match(section(files, "backend safe").at(-1) ?? "", /10\.0\.0\.2:2 ssl verify none/);
});

test("renderConfig: rules are maps; over plain HTTP some of them redirect", () => {
  const given = plan({
    routes: {
      exact: new Map([["a.test/x", to("d:web:80", true)]]),
      prefix: new Map([["a.test/", to("d:web:80")]]),
      fallback: new Map([["b.test", to("d:api:80")]]),
      last: to("d:last:80"),
    },
  });
  const files = renderConfig(given, new Map(), settings);
  const maps = [...files].filter(([name]) => name.endsWith(".map"));
  assert.deepEqual(Object.fromEntries(maps), {
    "http-exact.map": "a.test/x to-https\n",
    "http-prefix.map": "a.test/ d:web:80\n",
    "http-fallback.map": "b.test d:api:80\n",
    "https-exact.map": "a.test/x d:web:80\n",
    "https-prefix.map": "a.test/ d:web:80\n",
    "https-fallback.map": "b.test d:api:80\n",
  });
  assert.equal(section(files, "frontend http").at(-1), "default_backend d:last:80");
  const only = renderConfig(given, new Map(), { ...settings, httpsPort: undefined });
  assert.equal(only.get("http-exact.map"), "a.test/x d:web:80\n", "nowhere to redirect to");
  assert.doesNotMatch(only.get("haproxy.cfg") ?? "", /frontend https|ssl crt/);
});

test("renderConfig: redirects name the port where it is not the usual one", () => {
  const location = (httpsPort: number): string | undefined =>
    section(renderConfig(plan(), new Map(), { ...settings, httpsPort }), "backend to-https")[0];
  const start = "http-request redirect code 308 location https://%[var(txn.host)]";
  assert.equal(location(443), `${start}%[pathq]`);
  assert.equal(location(8_443), `${start}:8443%[pathq]`);
});

test("renderConfig: certificates by the names that they are for", () => {
  const certificates = [
    { pem: "A", hosts: ["a.test"] },
    { pem: "B", hosts: ["b.test", "*.c.test"] },
  ];
  const files = renderConfig(plan({ certificates }), new Map(), settings);
  const list = "0.pem a.test\n1.pem b.test *.c.test\n";
  assert.equal(files.get("certificates.list"), list);
  assert.deepEqual(
    ["0.pem", "1.pem", "default.pem"].map((it) => files.get(it)),
    ["A", "B", "NOBODY"],
  );
  const given = renderConfig(plan({ defaultCertificate: "OURS" }), new Map(), settings);
  assert.equal(given.get("default.pem"), "OURS");
});
