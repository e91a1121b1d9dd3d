// What every broker must do, with the real servers.
import { existsSync } from "node:fs";
import { after, before } from "node:test";
import { systemClock } from "#base/clock.ts";
import { migrate } from "#sql/migrate.ts";
import { openPostgres } from "#sql/postgres.ts";
import { brokerSuite } from "#testing/broker-suite.ts";
import { eventually } from "#testing/eventually.ts";
import { PostgresProcess } from "#testing/postgres-process.ts";
import { RedisProcess } from "#testing/redis-process.ts";
import { DatabaseBroker } from "#workflows/broker/database-broker.ts";
import { parseRedisAddress } from "#workflows/broker/redis-address.ts";
import { RedisBroker } from "#workflows/broker/redis-broker.ts";
import { migrations } from "#workflows/state/schema.ts";

const boundMs = 30_000;
const withRedis = {
  skip: RedisProcess.isThere ? false : "needs redis-server",
  timeout: 120_000,
};
const hasPostgres = existsSync("/usr/lib/postgresql");
const withPostgres = { skip: hasPostgres ? false : "needs postgresql", timeout: 120_000 };
let redis: RedisProcess;
let postgres: PostgresProcess;

before(async () => {
  if (RedisProcess.isThere) redis = await RedisProcess.start();
  if (hasPostgres) postgres = await PostgresProcess.start(["fsync=off"]);
});

after(async () => {
  if (RedisProcess.isThere) await redis[Symbol.asyncDispose]();
  if (hasPostgres) await postgres[Symbol.asyncDispose]();
});

/** One that has reached its server. */
async function openRedis(address = redis.address): Promise<RedisBroker> {
  const broker = new RedisBroker({
    address: parseRedisAddress(address),
    name: "test",
  });
  await eventually(() => broker.waiting([{ attempt: "none", queue: "default" }]), boundMs);
  return broker;
}

brokerSuite(
  "RedisBroker",
  async () => {
    await redis.flush();
    return { open: () => openRedis(), [Symbol.asyncDispose]: () => Promise.resolve() };
  },
  withRedis,
);

brokerSuite(
  "DatabaseBroker on PostgreSQL",
  async () => {
    const address = await postgres.create();
    const database = openPostgres(address, { connections: 5 });
    await migrate(database, migrations);
    return {
      open: () => Promise.resolve(new DatabaseBroker(database, systemClock)),
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    };
  },
  withPostgres,
);
