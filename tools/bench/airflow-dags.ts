/* The DAGs of workflow-dags.ts for Airflow: the same shapes, of tasks that do as little. */

const imports = `from airflow.sdk import DAG, chain
from airflow.providers.standard.operators.python import PythonOperator
def fibo(n):
    return n if n < 2 else fibo(n - 1) + fibo(n - 2)
def one():
    return 1
def make(dag_id, tasks, linear, body):
    with DAG(dag_id, schedule=None, catchup=False, max_active_runs=500, max_active_tasks=1000) as made:
        steps = [PythonOperator(task_id=f"step_{at}", python_callable=body) for at in range(tasks)]
        if linear: chain(*steps)
    globals()[dag_id] = made
`;

/** Tasks in a row, each with fibo of a number. */
export function airflowFibonacci(id: string, steps: number, n: number): string {
  return `${imports}make("${id}", ${steps}, True, lambda: fibo(${n}))\n`;
}

/** DAGs named `<prefix>_<number>` of trivial tasks, in a row or all at once. */
export function airflowShaped(
  prefix: string,
  dags: number,
  tasks: number,
  linear: boolean,
): string {
  const shape = linear ? "True" : "False";
  return `${imports}for at in range(${dags}):\n    make(f"${prefix}_{at}", ${tasks}, ${shape}, one)\n`;
}
