/*
 * The DAGs that are measured, as files. Their ids begin with the workload's name, so that the runs of
 * one workload are found by it.
 */

/** Three steps in a row that do nothing. */
export const threeSteps = `import { dag, task } from "gantry/workflows";
const step = task("step", () => 1);
export const three = dag("three", { maxActiveRuns: 500, maxActiveTasks: 500 }, () => {
  step().before(step().before(step()));
});
`;

/** Steps in a row, each with fibo of a number. */
export function fibonacci(id: string, steps: number, n: number): string {
  return `import { dag, task, chain } from "gantry/workflows";
function fibo(n: number): number { return n < 2 ? n : fibo(n - 1) + fibo(n - 2); }
const step = task("fibo", () => fibo(${n}));
export const one = dag(${JSON.stringify(id)}, {}, () => {
  chain(...Array.from({ length: ${steps} }, () => step()));
});
`;
}

export type Shape = "linear" | "binary_tree" | "none";

/** DAGs of trivial tasks in a shape, named `<prefix>_<number>`. */
export function shaped(prefix: string, dags: number, tasks: number, shape: Shape): string {
  return `import { dag, task, chain } from "gantry/workflows";
const step = task("step", () => 1);
export const all = Array.from({ length: ${dags} }, (_, at) =>
  dag("${prefix}_" + at, { maxActiveTasks: 1000 }, () => {
    const steps = Array.from({ length: ${tasks} }, () => step());
    ${links[shape]}
  }),
);
`;
}

const links: Readonly<Record<Shape, string>> = {
  linear: "chain(...steps);",
  binary_tree:
    "for (let at = 1; at < steps.length; at += 1) steps[(at - 1) >> 1].before(steps[at]);",
  none: "",
};

/** Tasks that sleep a tenth of a second, all at once. */
export function sleepers(tasks: number): string {
  return `import { dag, task } from "gantry/workflows";
const nap = task("nap", () => new Promise((done) => setTimeout(done, 100)));
export const naps = dag("naps", { maxActiveTasks: 1000 }, () => {
  for (let at = 0; at < ${tasks}; at += 1) nap();
});
`;
}
