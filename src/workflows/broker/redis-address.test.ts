import assert from "node:assert/strict";
import { test } from "node:test";
import { describeRedisAddress, parseRedisAddress, type RedisAddress } from "./redis-address.ts";

const plain: RedisAddress = {
  host: "localhost",
  port: 6_379,
  database: 0,
  user: undefined,
  password: undefined,
  tls: false,
};

const addresses: readonly [string, Partial<RedisAddress>, shown: string][] = [
  ["redis://localhost", {}, "redis://localhost:6379/0"],
  [
    "redis://:s%2Fecret@queue:7000/3",
    { host: "queue", port: 7_000, database: 3, password: "s/ecret" },
    "redis://queue:7000/3",
  ],
  [
    "rediss://me:word@localhost/",
    { user: "me", password: "word", tls: true },
    "rediss://localhost:6379/0",
  ],
  ["rediss://localhost/0?ssl_cert_reqs=CERT_REQUIRED", { tls: true }, "rediss://localhost:6379/0"],
  ["redis://[::1]:1/0", { host: "::1", port: 1 }, "redis://[::1]:1/0"],
];

for (const [text, want, shown] of addresses) {
  test(`parseRedisAddress: ${text}`, () => {
    const address = parseRedisAddress(text);
    assert.deepEqual(address, { ...plain, ...want });
    assert.equal(describeRedisAddress(address), shown);
  });
}

const faults: readonly [string, RegExp][] = [
  ["localhost", /is none such as redis:/],
  ["amqp://guest:hidden@localhost//", /begins with amqp:\/\/; there are redis:/],
  ["redis://", /names no host/],
  ["redis://localhost/zero", /ends with \/zero/],
  ["rediss://:hidden@localhost/0?ssl_cert_reqs=none", /always checked/],
  ["redis://:hidden@localhost/0?family=6", /parameter family/],
];

for (const [text, want] of faults) {
  test(`parseRedisAddress refuses ${text}`, () => {
    assert.throws(
      () => parseRedisAddress(text),
      ({ message }: Error) => want.test(message) && !message.includes("hidden"),
    );
  });
}
