import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { FakeClock, systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { MetricRegistry } from "#base/metrics/registry.ts";
import { AnswerCache } from "./answer-cache.ts";
import { Forwarder } from "./forwarder.ts";
import { DnsMetrics } from "./metrics.ts";
import { questionOf, Resolver } from "./resolver.ts";
import { openDnsServer } from "./server.ts";
import { framed, MessageReader } from "./tcp-messages.ts";
import { encodeAnswer, type ResourceRecord } from "./wire/answer.ts";
import { recordType, responseCode } from "./wire/codes.ts";
import { decodeQuery } from "./wire/query.ts";
import { decodeResponse } from "./wire/response.ts";
import { ClusterZone } from "./zone.ts";

const never = new AbortController().signal;

function zone(): ClusterZone {
  const made = new ClusterZone("cluster.local");
  const at = (name: string) => ({ metadata: { name, namespace: "n" } });
  made.set("n/web", { ...at("web"), spec: { clusterIP: "10.96.0.7" } }, []);
  made.set("n/away", { ...at("away"), spec: { type: "ExternalName", externalName: "x.test" } }, []);
  const endpoints = Array.from({ length: 90 }, (_, index) => ({
    addresses: [`10.244.0.${index}`],
  }));
  made.set("n/many", { ...at("many"), spec: { clusterIP: "None" } }, [
    { addressType: "IPv4", endpoints },
  ]);
  return made;
}

/** A server elsewhere, which answers `x.test` with an address, and nothing else. */
async function openElsewhere(): Promise<
  AsyncDisposable & { readonly address: string; asked: number }
> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const tcp = createServer();
  const { port } = socket.address();
  const elsewhere = {
    address: `127.0.0.1:${port}`,
    asked: 0,
    async [Symbol.asyncDispose]() {
      socket.close();
      await new Promise((resolve) => tcp.close(resolve));
    },
  };
  const answer = (message: Buffer, bytesMax: number): Uint8Array => {
    elsewhere.asked += 1;
    const query = decodeQuery(message);
    assert.ok(!("kind" in query));
    const count = query.name === "long.test" ? 200 : 1;
    const answers = Array.from({ length: count }, (_, index): ResourceRecord => ({
      name: query.name,
      ttl: 60,
      data: { type: "A", address: `192.0.2.${index}` },
    }));
    const found = query.name.endsWith(".test") && query.type === recordType.A ? answers : [];
    const code = query.name.endsWith(".test") ? responseCode.noError : responseCode.nameError;
    const none = { isAuthoritative: false, authority: [], additional: [] };
    return encodeAnswer(query, { ...none, code, answers: found }, bytesMax);
  };
  socket.on("message", (message, from) => {
    socket.send(answer(message, 512), from.port, from.address);
  });
  tcp.on("connection", (connection) => {
    const reader = new MessageReader();
    connection.on("data", (chunk: Buffer) => {
      for (const it of reader.push(chunk)) connection.end(framed(answer(Buffer.from(it), 65_535)));
    });
  });
  tcp.listen(port, "127.0.0.1");
  await once(tcp, "listening");
  return elsewhere;
}

function resolver(
  servers: readonly string[],
  registry: MetricRegistry = new MetricRegistry(),
  names: ClusterZone = zone(),
): Resolver {
  const metrics = new DnsMetrics(registry, systemClock, "cluster.local");
  return new Resolver({
    zone: names,
    isOurs: (it) => it.startsWith("10."),
    forwarder: new Forwarder({ servers, metrics, clock: systemClock }),
    cache: new AnswerCache(systemClock),
    metrics,
  });
}

/** The answer in words: `0 web.n… 10.96.0.7`. */
async function ask(by: Resolver, name: string, type: number = recordType.A): Promise<string> {
  const bytes = await by.answer(questionOf(name, type), 65_535, never);
  assert.ok(bytes !== undefined);
  const response = decodeResponse(bytes);
  assert.ok(response !== undefined);
  const shown = response.answers.map(({ data }) =>
    data.type === "CNAME" ? data.target : "address" in data ? data.address : "?",
  );
  return [response.code, ...shown].join(" ");
}

test("names of others are asked elsewhere, and aliases of services are followed there", async () => {
  await using elsewhere = await openElsewhere();
  const by = resolver([elsewhere.address]);
  assert.equal(await ask(by, "web.n.svc.cluster.local"), "0 10.96.0.7");
  assert.equal(await ask(by, "x.test"), "0 192.0.2.0");
  assert.equal(await ask(by, "x.test", recordType.AAAA), "0");
  assert.equal(await ask(by, "nobody.example"), "3");
  assert.equal(await ask(by, "away.n.svc.cluster.local"), "0 x.test 192.0.2.0");
  const long = await ask(by, "long.test");
  assert.equal(long.split(" ").length, 201, "by TCP, for it is too long for UDP");
  const { asked } = elsewhere;
  assert.equal(await ask(by, "X.Test"), "0 192.0.2.0");
  assert.equal(elsewhere.asked, asked, "known answers are not asked again");
});

test("the same question again has the same answer under its own id, until the zone changes", async () => {
  const names = zone();
  const by = resolver([], new MetricRegistry(), names);
  const answer = async (id: number, name: string): Promise<string> => {
    const question = questionOf(name, recordType.A);
    question.set([id >> 8, id & 255]);
    const bytes = await by.answer(question, "udp", never);
    return Buffer.from(bytes ?? []).toString("latin1");
  };
  const first = await answer(1, "web.n.svc.cluster.local");
  const second = await answer(0x1234, "web.n.svc.cluster.local");
  assert.equal(second, `\u0012\u0034${first.slice(2)}`);
  assert.notEqual(await answer(1, "Web.n.svc.cluster.local"), first, "as the client wrote it");
  assert.equal(await ask(by, "new.n.svc.cluster.local"), "3");
  const at = { metadata: { name: "new", namespace: "n" } };
  names.set("n/new", { ...at, spec: { clusterIP: "10.96.0.8" } }, []);
  assert.equal(await ask(by, "new.n.svc.cluster.local"), "0 10.96.0.8");
  names.set("n/web", undefined, []);
  assert.equal(await ask(by, "web.n.svc.cluster.local"), "3");
});

test("what an alias of a service stands for elsewhere is not remembered with the zone", async () => {
  await using elsewhere = await openElsewhere();
  const clock = new FakeClock();
  const metrics = new DnsMetrics(new MetricRegistry(), systemClock, "cluster.local");
  const forwarder = new Forwarder({ servers: [elsewhere.address], metrics, clock: systemClock });
  const cache = new AnswerCache(clock);
  const by = new Resolver({ zone: zone(), isOurs: () => false, forwarder, cache, metrics });
  assert.equal(await ask(by, "away.n.svc.cluster.local"), "0 x.test 192.0.2.0");
  const { asked } = elsewhere;
  await clock.advance(60_000);
  assert.equal(await ask(by, "away.n.svc.cluster.local"), "0 x.test 192.0.2.0");
  assert.equal(elsewhere.asked, asked + 1);
});

test("without a server elsewhere the fault is said at once", async () => {
  assert.equal(await ask(resolver([]), "x.test"), "2");
  await using elsewhere = await openElsewhere();
  assert.equal(await ask(resolver(["127.0.0.1:1", elsewhere.address]), "x.test"), "0 192.0.2.0");
});

test("an answer too long for UDP says so, and TCP has all of it", async () => {
  const by = resolver([]);
  const bytes = await by.answer(questionOf("many.n.svc.cluster.local", 1), "udp", never);
  assert.ok(bytes !== undefined && bytes.length <= 512);
  assert.equal(decodeResponse(bytes)?.isTruncated, true);
  assert.equal((await ask(by, "many.n.svc.cluster.local")).split(" ").length, 91);
});

test("over sockets, UDP and TCP, several questions in one connection", async () => {
  await using server = await openDnsServer({
    host: "127.0.0.1",
    port: 0,
    resolver: resolver([]),
    log: silentLogger,
  });
  const question = questionOf("web.n.svc.cluster.local", 1);
  const udp = createSocket("udp4");
  udp.connect(server.port, "127.0.0.1");
  await once(udp, "connect");
  udp.send(question);
  const [answer] = (await once(udp, "message")) as [Buffer];
  udp.close();
  assert.equal(decodeResponse(answer)?.answers.length, 1);
  const tcp = connect(server.port, "127.0.0.1");
  tcp.write(Buffer.concat([framed(question), framed(question)]));
  const reader = new MessageReader();
  const got: Uint8Array[] = [];
  for await (const chunk of tcp) {
    got.push(...reader.push(chunk as Buffer));
    if (got.length === 2) break;
  }
  assert.deepEqual(
    got.map((it) => decodeResponse(it)?.answers.length),
    [1, 1],
  );
});

test("no message makes it throw, and a good question among them is answered", async () => {
  const by = resolver([]);
  const good = questionOf("web.n.svc.cluster.local", 1);
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.uint8Array({ maxLength: 80 }),
        fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, value]) => {
          const changed = Uint8Array.from(good);
          changed[at] = value;
          return changed;
        }),
      ),
      async (message) => {
        const answer = await by.answer(message, "udp", never);
        assert.ok(answer === undefined || answer.length >= 12);
        decodeResponse(message);
      },
    ),
    { numRuns: 500 },
  );
  assert.equal(await ask(by, "web.n.svc.cluster.local"), "0 10.96.0.7");
});

test("EDNS: a larger size is taken, and the answer says so", async () => {
  const question = [...questionOf("many.n.svc.cluster.local", 1)];
  question[11] = 1;
  const message = Uint8Array.from([...question, 0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0]);
  const answer = await resolver([]).answer(message, "udp", never);
  assert.ok(answer !== undefined && answer.length > 512 && answer.length <= 1232);
  assert.equal(answer[11], 1, "one additional record");
});

test("Resolver: what is asked and answered is counted", async () => {
  await using elsewhere = await openElsewhere();
  const registry = new MetricRegistry();
  const by = resolver([elsewhere.address], registry);
  await ask(by, "web.n.svc.cluster.local");
  await ask(by, "none.n.svc.cluster.local");
  await ask(by, "x.test");
  await ask(by, "x.test");
  const text = await registry.render();
  const server = `server="dns://:53"`;
  for (const line of [
    `coredns_dns_requests_total{${server},zone="cluster.local.",view="",proto="tcp",family="1",type="A"} 2`,
    `coredns_dns_responses_total{${server},zone="cluster.local.",view="",rcode="NXDOMAIN",plugin="kubernetes"} 1`,
    `coredns_dns_responses_total{${server},zone=".",view="",rcode="NOERROR",plugin="forward"} 2`,
    `coredns_dns_request_duration_seconds_count{${server},zone=".",view=""} 2`,
    `coredns_cache_hits_total{${server},type="success",zones=".",view=""} 1`,
    `coredns_cache_misses_total{${server},zones=".",view=""} 1`,
    `coredns_proxy_request_duration_seconds_count{proxy_name="forward",to="${elsewhere.address}",rcode="NOERROR"} 1`,
  ]) {
    assert(text.includes(`${line}\n`), `${line} in ${text}`);
  }
});
