import { dag, expand, kubernetesPod, param, sql, task } from "gantry/workflows";

const regions = ["asia", "eu", "us"];

/** What the extracting image hands on, and the validating one gets as its environment. */
type Extracted = Record<"REGION" | "DAY" | "ORDERS" | "EXTRACTED_WITH", string>;
/** The parameters of `sql/load.sql`. */
type Validated = Record<"region" | "day" | "orders" | "extracted" | "validated", string>;

const report = task(
  "report",
  (input: { revenue: { region: string; amount: string }[] }, { log }) => {
    const total = input.revenue.reduce((sum, it) => sum + Number(it.amount), 0);
    for (const { region, amount } of input.revenue) log(`${region}: ${amount}`);
    return { total };
  },
);

// Three days of a small shop: each region's orders are extracted and validated in pods of images that
// could not be one, loaded into PostgreSQL, and summed up.
export const orders = dag(
  "shop_orders",
  {
    description: "Orders of a small shop, by region and day",
    schedule: "@daily",
    startDate: "2026-01-01",
    endDate: "2026-01-03",
    catchup: true,
    isPausedUponCreation: false,
    maxActiveRuns: 3,
    maxActiveTasks: 6,
    tags: ["example", "shop"],
    params: { least: param(0, { type: "number", minimum: 0 }) },
    defaultArgs: { owner: "shop", retries: 3, retryDelay: "5s" },
  },
  (params) => {
    const extracted = expand(
      kubernetesPod<Extracted>,
      "extract",
      {
        namespace: "shop",
        image: "shop-extract",
        imagePullPolicy: "IfNotPresent",
        doXcomPush: true,
      },
      { envVars: regions.map((it) => ({ REGION: it, DAY: "{{ ds }}" })) },
    );
    const validated = expand(
      kubernetesPod<Validated>,
      "validate",
      {
        namespace: "shop",
        image: "shop-validate",
        imagePullPolicy: "IfNotPresent",
        doXcomPush: true,
      },
      { envVars: extracted },
    );
    const loaded = expand(
      sql,
      "load",
      { connection: "shop_db", sql: "sql/load.sql" },
      { parameters: validated },
    );
    const revenue = sql<{ region: string; amount: string }>("aggregate", {
      connection: "shop_db",
      sql: "sql/aggregate.sql",
      parameters: { day: "{{ ds }}", least: params.least },
    }).after(loaded);
    report({ revenue });
  },
);
