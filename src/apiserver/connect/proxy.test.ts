import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { StatusError } from "#api/status.ts";
import { rewriteHtml, rewriteLink } from "./proxy-links.ts";
import { parseProxyName, podTarget, serviceTarget } from "./proxy-target.ts";

function outcome(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    if (error instanceof StatusError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

const names: [text: string, want: unknown][] = [
  ["a", { scheme: "http", name: "a", port: "" }],
  ["a:80", { scheme: "http", name: "a", port: "80" }],
  ["https:a:web", { scheme: "https", name: "a", port: "web" }],
  ["https:a:", { scheme: "https", name: "a", port: "" }],
  ["ftp:a:1", '400: invalid pod request "ftp:a:1"'],
  [":80", '400: invalid pod request ":80"'],
  ["a:b:c:d", '400: invalid pod request "a:b:c:d"'],
];
for (const [text, want] of names) {
  test(`proxy name: ${text}`, () => {
    assert.deepEqual(
      outcome(() => parseProxyName(text, "pod")),
      want,
    );
  });
}

function podAt(podIP: string): JsonObject {
  const ports = [
    { name: "web", containerPort: 8080 },
    { name: "tls", containerPort: 8443 },
  ];
  return { spec: { containers: [{ name: "a", ports }] }, status: { podIP } };
}

const podCases: [ip: string, name: string, want: unknown][] = [
  ["10.1.0.5", "x", { scheme: "http", host: "10.1.0.5", port: 8080 }],
  ["10.1.0.5", "x:9", { scheme: "http", host: "10.1.0.5", port: 9 }],
  ["10.1.0.5", "https:x:tls", { scheme: "https", host: "10.1.0.5", port: 8443 }],
  ["10.1.0.5", "x:nope", "400: pod x has no port named nope"],
  ["fd00::5", "x", { scheme: "http", host: "fd00::5", port: 8080 }],
  ["", "x", "400: address not allowed"],
  ["127.0.0.1", "x", "400: address not allowed"],
  ["169.254.169.254", "x", "400: address not allowed"],
  ["224.0.0.1", "x", "400: address not allowed"],
  ["::1", "x", "400: address not allowed"],
  ["::ffff:127.0.0.1", "x", "400: address not allowed"],
  ["fe80::1", "x", "400: address not allowed"],
];
for (const [ip, name, want] of podCases) {
  test(`proxy to pod ${name} at ${ip || "no address"}`, () => {
    assert.deepEqual(
      outcome(() => podTarget(podAt(ip), parseProxyName(name, "pod"))),
      want,
    );
  });
}

const service: JsonObject = {
  spec: {
    ports: [
      { name: "web", port: 80 },
      { name: "tls", port: 443 },
    ],
  },
};
const slices: JsonObject[] = [
  {
    ports: [
      { name: "web", port: 8080 },
      { name: "tls", port: 8443 },
    ],
    endpoints: [
      { addresses: ["10.1.0.1"], conditions: { ready: true } },
      { addresses: ["10.1.0.2"], conditions: { ready: false } },
      { addresses: ["127.0.0.1"], conditions: { ready: true } },
      { addresses: ["10.1.0.3"], conditions: {} },
    ],
  },
];
const serviceCases: [name: string, chance: number, want: unknown][] = [
  ["s:80", 0, { scheme: "http", host: "10.1.0.1", port: 8080 }],
  ["s:web", 0.99, { scheme: "http", host: "10.1.0.3", port: 8080 }],
  ["https:s:443", 0, { scheme: "https", host: "10.1.0.1", port: 8443 }],
  ["s:81", 0, '503: no service port 81 found for service "s"'],
  ["s", 0, '503: no endpoints available for service "s"'],
];
for (const [name, chance, want] of serviceCases) {
  test(`proxy to service ${name}, chance ${chance}`, () => {
    assert.deepEqual(
      outcome(() => serviceTarget(service, slices, parseProxyName(name, "service"), chance)),
      want,
    );
  });
}

const place = { prefix: "/p/proxy", backendHost: "10.1.0.1:80", requestHost: "api:6443" };
const links: [link: string, want: string][] = [
  ["/", "/p/proxy/"],
  ["/a/b?c=d#e", "/p/proxy/a/b?c=d#e"],
  ["a/b", "a/b"],
  ["", ""],
  ["?q", "?q"],
  ["#top", "#top"],
  ["http://10.1.0.1:80/a", "/p/proxy/a"],
  ["//10.1.0.1:80/a", "/p/proxy/a"],
  ["http://10.1.0.1:80", "/p/proxy/"],
  ["https://api:6443/a", "/p/proxy/a"],
  ["https://example.com/a", "https://example.com/a"],
  ["/p/proxy/a", "/p/proxy/a"],
  ["mailto:a@example.com", "mailto:a@example.com"],
];
for (const [link, want] of links) {
  test(`proxied link: ${link || "empty"} -> ${want}`, () => {
    assert.equal(rewriteLink(link, place), want);
  });
}

test("proxied page: links in attributes are rewritten, and nothing else", () => {
  const page =
    '<a href="/x" class="/y">/z</a><img alt=a src=/i.png><form ACTION=\'/f\'><p title="/t"><br>';
  assert.equal(
    rewriteHtml(page, place),
    '<a href="/p/proxy/x" class="/y">/z</a><img alt=a src=/p/proxy/i.png><form ACTION=\'/p/proxy/f\'><p title="/t"><br>',
  );
});
