import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import { KubeletAccess, type AccessReviews, type Caller } from "./access.ts";
import { nodeSubresources, verbOf } from "./node-attributes.ts";

const { signal } = new AbortController();

for (const [path, want] of [
  ["/metrics", "metrics"],
  ["/metrics/cadvisor?x=1", "metrics"],
  ["/stats/summary", "stats"],
  ["/pods", "pods proxy"],
  ["/healthz/ping", "healthz proxy"],
  ["/containerLogs/a/b/c", "proxy"],
  ["//metrics", "metrics"],
  ["/exec/a/b/c", "proxy"],
  ["/", "proxy"],
] as const) {
  test(`nodeSubresources: ${path} -> ${want}`, () => {
    assert.equal(nodeSubresources(path).join(" "), want);
  });
}

test("verbOf: methods of the API and others", () => {
  assert.deepEqual(["GET", "PUT", "OPTIONS"].map(verbOf), ["get", "update", ""]);
});

/** Prometheus may read metrics; the token `good` is its. */
class Reviews implements AccessReviews {
  asked = 0;

  identify(token: string): Promise<Caller | undefined> {
    this.asked++;
    const prometheus = { name: "prometheus", uid: "1", groups: [] };
    return Promise.resolve(token === "good" ? prometheus : undefined);
  }

  isAllowed(caller: Caller, verb: string, subresource: string): Promise<boolean> {
    this.asked++;
    return Promise.resolve(
      caller.name === "prometheus" && verb === "get" && subresource === "metrics",
    );
  }
}

interface Asked {
  readonly url: string;
  readonly method?: string;
  readonly authorization?: string;
  /** `name` or `name/group`. */
  readonly certificate?: string;
  readonly isConnection?: boolean;
}

async function ask(access: KubeletAccess, asked: Asked): Promise<string> {
  const { url, method = "GET", authorization, certificate, isConnection = false } = asked;
  const [CN = "", O] = certificate?.split("/") ?? [];
  const subject = O === undefined ? { CN } : { CN, O };
  const presented = certificate === undefined ? {} : { subject };
  const socket = {
    authorized: certificate !== undefined,
    getPeerCertificate: () => presented,
  };
  const headers = authorization === undefined ? {} : { authorization };
  const refusal = await access.refusal({ url, method, headers, socket, isConnection }, signal);
  return refusal === undefined ? "ok" : `${refusal.status} ${refusal.text}`;
}

const cases: [asked: Asked, want: string][] = [
  [{ url: "/exec/a/b/c", certificate: "kube-apiserver-kubelet-client" }, "ok"],
  [{ url: "/pods", certificate: "root/system:masters" }, "ok"],
  [{ url: "/metrics" }, "401 Unauthorized"],
  [{ url: "/metrics", authorization: "Bearer bad" }, "401 Unauthorized"],
  [{ url: "/metrics", authorization: "Basic good" }, "401 Unauthorized"],
  [{ url: "/metrics/cadvisor", authorization: "Bearer good" }, "ok"],
  [{ url: "/metrics", certificate: "prometheus" }, "ok"],
  [
    { url: "/pods", authorization: "Bearer good" },
    "403 Forbidden (user=prometheus, verb=get, resource=nodes, subresource(s)=[pods proxy])",
  ],
  [
    { url: "/metrics", authorization: "Bearer good", isConnection: true },
    "403 Forbidden (user=prometheus, verb=create, resource=nodes, subresource(s)=[metrics])",
  ],
  [
    { url: "/metrics", certificate: "jane" },
    "403 Forbidden (user=jane, verb=get, resource=nodes, subresource(s)=[metrics])",
  ],
];

for (const [asked, want] of cases) {
  test(`KubeletAccess: ${JSON.stringify(asked)} -> ${want}`, async () => {
    assert.equal(await ask(new KubeletAccess(new Reviews(), new FakeClock()), asked), want);
  });
}

test("KubeletAccess: a token does not make an administrator without the API server's word", async () => {
  const reviews: AccessReviews = {
    identify: () => Promise.resolve({ name: "x", uid: "", groups: ["system:masters"] }),
    isAllowed: () => Promise.resolve(false),
  };
  const access = new KubeletAccess(reviews, new FakeClock());
  assert.match(await ask(access, { url: "/pods", authorization: "Bearer t" }), /^403/);
});

test("KubeletAccess: answers are remembered for a while", async () => {
  const clock = new FakeClock();
  const reviews = new Reviews();
  const access = new KubeletAccess(reviews, clock);
  const asked = { url: "/metrics", authorization: "Bearer good" };
  await ask(access, asked);
  await ask(access, asked);
  assert.equal(reviews.asked, 2);
  await clock.advance(120_000);
  await ask(access, asked);
  assert.equal(reviews.asked, 3);
});
