/** The DAGs that are measured, as files. */
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
