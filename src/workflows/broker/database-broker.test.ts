import { systemClock } from "#base/clock.ts";
import { migrate } from "#sql/migrate.ts";
import { openSqlite } from "#sql/sqlite.ts";
import { brokerSuite } from "#testing/broker-suite.ts";
import { migrations } from "#workflows/state/schema.ts";
import { DatabaseBroker } from "./database-broker.ts";

brokerSuite("DatabaseBroker on SQLite", async () => {
  const database = openSqlite(":memory:");
  await migrate(database, migrations);
  return {
    open: () => Promise.resolve(new DatabaseBroker(database, systemClock)),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
});
