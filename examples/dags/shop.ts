import { bash, branch, chain, dag, empty, group, param, task } from "gantry/workflows";
import { regions, type Order } from "./lib/orders.ts";

// Outputs are values to the compiler: a task that takes numbers does not take texts.
const extract = task(
  "extract",
  async (input: { region: string }, { ds, log }): Promise<Order[]> => {
    log(`orders of ${input.region} on ${ds}`);
    return [
      { region: input.region, amount: 12.5 },
      { region: input.region, amount: 30 },
    ];
  },
);

const total = task("total", (input: { orders: Order[][] }) =>
  input.orders.flat().reduce((sum, it) => sum + it.amount, 0),
);

const judge = branch("judge", (input: { total: number }, { params }) =>
  input.total > Number(params["threshold"]) ? "report.celebrate" : "report.console",
);

export const shop = dag(
  "shop",
  {
    description: "Orders of a small shop, by region",
    schedule: "@daily",
    startDate: "2026-01-01",
    timeZone: "Europe/Berlin",
    tags: ["example"],
    params: { threshold: param(50, { type: "number", minimum: 0 }) },
    defaultArgs: { owner: "shop", retries: 2, retryDelay: "30s", retryExponentialBackoff: true },
  },
  () => {
    const connect = bash("connect", { command: "echo opened for {{ ds }}" }).asSetup();
    const orders = extract.expand({ region: regions });
    const sum = total({ orders });
    const choice = judge({ total: sum });
    group("report", () => {
      const celebrate = bash("celebrate", { command: "echo 'a good day: {{ ds }}'" });
      const console = bash("console", { command: "echo 'tomorrow: {{ macros.ds_add(ds, 1) }}'" });
      const done = empty("done", { triggerRule: "none_failed_min_one_success" });
      chain(choice, [celebrate, console], done);
    });
    orders.after(connect);
    bash("disconnect", { command: "echo closed" }).asTeardown({ setups: connect }).after(sum);
  },
);
