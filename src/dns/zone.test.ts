import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { EndpointSlice, Service } from "#api/gen/types.ts";
import { answerFromZone } from "./answers.ts";
import type { ResourceRecord } from "./wire/answer.ts";
import { recordType } from "./wire/codes.ts";
import { ClusterZone, serviceKey } from "./zone.ts";

function service(name: string, spec: Service["spec"]): Service {
  return { metadata: { name, namespace: "shop" }, spec };
}

/** `10.244.0.7=db-0 10.244.0.8!`: an address, its host name, and whether it is not ready. */
function slice(endpoints: string, ports: EndpointSlice["ports"] = []): EndpointSlice {
  const list = endpoints.split(" ").filter((it) => it !== "");
  return {
    addressType: "IPv4",
    ports,
    endpoints: list.map((it) => {
      const [address = "", hostname] = it.replace("!", "").split("=");
      const conditions = { ready: !it.endsWith("!") };
      return { addresses: [address], conditions, ...(hostname === undefined ? {} : { hostname }) };
    }),
  };
}

function set(zone: ClusterZone, given: Service, ...slices: EndpointSlice[]): void {
  zone.set(serviceKey(given), given, slices);
}

function shop(): ClusterZone {
  const zone = new ClusterZone("cluster.local");
  const ports = [
    { name: "http", port: 80, protocol: "TCP" },
    { name: "stats", port: 81, protocol: "UDP" },
  ];
  set(zone, service("web", { clusterIP: "10.96.0.7", clusterIPs: ["10.96.0.7"], ports }));
  const dbPorts = [{ name: "sql", port: 5432, protocol: "TCP" }];
  set(
    zone,
    service("db", { clusterIP: "None", ports: dbPorts }),
    slice("10.244.0.7=db-0 10.244.0.8=db-1! 10.244.0.9", dbPorts),
  );
  set(zone, service("empty", { clusterIP: "None" }), slice("10.244.0.9!"));
  set(zone, service("away", { type: "ExternalName", externalName: "example.com." }));
  return zone;
}

function show({ name, data }: ResourceRecord): string {
  const text = (() => {
    switch (data.type) {
      case "A":
      case "AAAA":
        return data.address;
      case "CNAME":
      case "PTR":
        return data.target;
      case "TXT":
        return data.text;
      case "SRV":
        return `${data.port} ${data.target}`;
      case "SOA":
        return data.primary;
    }
  })();
  return `${name} ${data.type} ${text}`;
}

const at = "shop.svc.cluster.local";
const cases: [name: string, type: keyof typeof recordType, want: string[] | "none" | "forward"][] =
  [
    [`web.${at}`, "A", [`web.${at} A 10.96.0.7`]],
    [`WEB.Shop.svc.Cluster.local`, "A", [`WEB.Shop.svc.Cluster.local A 10.96.0.7`]],
    [`web.${at}`, "AAAA", []],
    [`web.${at}`, "SRV", [`web.${at} SRV 80 web.${at}`, `web.${at} SRV 81 web.${at}`]],
    [`_http._tcp.web.${at}`, "SRV", [`_http._tcp.web.${at} SRV 80 web.${at}`]],
    [`_stats._tcp.web.${at}`, "SRV", []],
    [`_stats._udp.web.${at}`, "SRV", [`_stats._udp.web.${at} SRV 81 web.${at}`]],
    [`db.${at}`, "A", [`db.${at} A 10.244.0.7`, `db.${at} A 10.244.0.9`]],
    [`db-0.db.${at}`, "A", [`db-0.db.${at} A 10.244.0.7`]],
    [`db-1.db.${at}`, "A", "none"],
    [`10-244-0-9.db.${at}`, "A", [`10-244-0-9.db.${at} A 10.244.0.9`]],
    [
      `_sql._tcp.db.${at}`,
      "SRV",
      [
        `_sql._tcp.db.${at} SRV 5432 db-0.db.${at}`,
        `_sql._tcp.db.${at} SRV 5432 10-244-0-9.db.${at}`,
      ],
    ],
    [`empty.${at}`, "A", "none"],
    [`away.${at}`, "A", [`away.${at} CNAME example.com`]],
    [`away.${at}`, "CNAME", [`away.${at} CNAME example.com`]],
    [`nobody.${at}`, "A", "none"],
    [`a.b.web.${at}`, "A", "none"],
    [at, "A", []],
    ["other.svc.cluster.local", "A", "none"],
    ["svc.cluster.local", "A", []],
    ["cluster.local", "A", []],
    ["web.shop.cluster.local", "A", "none"],
    ["10-244-3-4.shop.pod.cluster.local", "A", ["10-244-3-4.shop.pod.cluster.local A 10.244.3.4"]],
    ["10-244-3-444.shop.pod.cluster.local", "A", "none"],
    ["dns-version.cluster.local", "TXT", ["dns-version.cluster.local TXT 1.1.0"]],
    ["7.0.96.10.in-addr.arpa", "PTR", [`7.0.96.10.in-addr.arpa PTR web.${at}`]],
    ["7.0.244.10.in-addr.arpa", "PTR", [`7.0.244.10.in-addr.arpa PTR db-0.db.${at}`]],
    ["99.0.96.10.in-addr.arpa", "PTR", "none"],
    ["1.1.1.1.in-addr.arpa", "PTR", "forward"],
    ["example.com", "A", "forward"],
    ["notcluster.local", "A", "forward"],
  ];

for (const [name, type, want] of cases) {
  test(`answerFromZone: ${name} ${type} -> ${want.toString()}`, () => {
    const query = { name, type: recordType[type] };
    const got = answerFromZone(shop(), query, (it) => /^10\.(96|244)\./.test(it));
    if (got === "forward" || want === "forward") {
      assert.equal(got, want);
      return;
    }
    assert.deepEqual(got.answers.map(show), want === "none" ? [] : want);
    assert.equal(got.code, want === "none" ? 3 : 0);
    assert.equal(got.authority.length, got.answers.length === 0 ? 1 : 0);
  });
}

test("with SRV records come the addresses of their targets", () => {
  const query = { name: `_sql._tcp.db.${at}`, type: recordType.SRV };
  const got = answerFromZone(shop(), query, () => true);
  assert.ok(got !== "forward");
  assert.deepEqual(got.additional.map(show), [
    `db-0.db.${at} A 10.244.0.7`,
    `10-244-0-9.db.${at} A 10.244.0.9`,
  ]);
});

test("a zone after any changes answers as one that was made at once", () => {
  const name = fc.constantFrom("a", "b", "c");
  const endpoints = fc
    .array(fc.constantFrom("10.244.0.1=x", "10.244.0.2=y!", "10.244.0.3"), { maxLength: 3 })
    .map((it) => slice(it.join(" ")));
  const kind = fc.constantFrom("None", "10.96.0.1", "10.96.0.2", "gone");
  fc.assert(
    fc.property(fc.array(fc.tuple(name, kind, endpoints), { maxLength: 12 }), (changes) => {
      const zone = new ClusterZone("cluster.local");
      const last = new Map<string, readonly [string, EndpointSlice]>();
      for (const [it, clusterIP, found] of changes) {
        const given = clusterIP === "gone" ? undefined : service(it, { clusterIP });
        zone.set(`shop/${it}`, given, [found]);
        last.delete(it);
        if (given !== undefined) last.set(it, [clusterIP, found]);
      }
      const fresh = new ClusterZone("cluster.local");
      for (const [it, [clusterIP, found]] of last) {
        fresh.set(`shop/${it}`, service(it, { clusterIP }), [found]);
      }
      for (const address of ["10.244.0.1", "10.244.0.2", "10.244.0.3", "10.96.0.1"]) {
        assert.deepEqual(
          (zone.reverse("x", address) ?? []).map(show).sort(),
          (fresh.reverse("x", address) ?? []).map(show).sort(),
        );
      }
      for (const it of ["a.shop.svc", "x.a.shop.svc", "shop.svc", "b.shop.svc"]) {
        assert.deepEqual(zone.find(it, it.split(".")), fresh.find(it, it.split(".")));
      }
    }),
  );
});
