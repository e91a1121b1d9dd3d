import { approval, asset, bash, dag, expand, group, task } from "gantry/workflows";

/** DAGs that have one of everything, for `check.py`. */

const made = asset("client-check-made");
const more = asset("client-check-more");
const numbers = task("numbers", () => [1, 2]);

export const check = dag("client_check", { tags: ["client"] }, () => {
  const all = numbers();
  const each = expand(bash, "each", {}, { command: ["true", "true"] });
  group("checks", () => bash("make", { command: "echo made", outlets: [made] })).after(all);
  approval("ask", { subject: "Go on?" }).after(each);
});

export const reader = dag("client_check_reader", { schedule: [made, more] }, () => {
  bash("read", { command: "true", inlets: [made] });
});

export const daily = dag(
  "client_check_daily",
  { schedule: "@daily", startDate: "2026-01-01" },
  () => {
    bash("noop", { command: "true" });
  },
);
