import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { StoredTurn } from "#workflows/scheduler/scheduler.ts";
import type { WorkflowEvent } from "#workflows/state/events.ts";

/** Upper bounds, in seconds, of what takes a task's or a run's time. */
const durations = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400];
/** Upper bounds, in seconds, of delays and of the scheduler's turns. */
const delays = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** How a task instance may end; what is tried again has failed once. */
const failures = new Set(["failed", "up_for_retry"]);
/** Started runs whose first task is waited for; the oldest are given up. */
const startedRunsMax = 10_000;
const ends = new Set(["success", "failed", "skipped", "up_for_retry"]);

/**
 * What a scheduler's events are counted in. The names are Airflow's with its prefix, dots as
 * underscores, as its StatsD exporter shows them; what is variable in a name is a label. Times are in
 * seconds.
 */
export class EventMetrics {
  readonly #registry: MetricRegistry;
  /** When runs were due of which no task has started yet. */
  readonly #due = new Map<string, number>();

  constructor(registry: MetricRegistry) {
    this.#registry = registry;
  }

  /** A turn of the scheduler, with what was stored in it. */
  turn({ events, seconds, free }: StoredTurn): void {
    this.#count("scheduler_heartbeat", "Turns of the scheduler.");
    this.#registry
      .histogram({
        name: "airflow_scheduler_scheduler_loop_duration",
        help: "Seconds that a turn of the scheduler takes.",
        buckets: delays,
      })
      .of()
      .observe(seconds);
    const head = { name: "airflow_executor_open_slots", help: "Tasks that an executor takes." };
    const open = this.#registry.gauge({ ...head, labels: ["executor"] });
    for (const [name, count] of free) open.of(name).set(count);
    for (const it of events) this.#see(it);
  }

  #see(it: WorkflowEvent): void {
    const [subject, what = ""] = it.name.split(".");
    if (subject === "run") this.#run(it, what);
    if (subject === "task") this.#task(it, what);
  }

  #run(it: WorkflowEvent, what: string): void {
    const { dagId = "", measured } = it;
    const name = JSON.stringify([dagId, it.runId]);
    if (what === "created" && it.runId?.startsWith("asset_triggered__") === true) {
      this.#count("asset_triggered_dagruns", "Runs that assets have started.");
    }
    if (what === "started") this.#remember(name, measured?.dueAt ?? it.at);
    else this.#due.delete(name);
    if (what === "started" && measured?.dueAt !== undefined) {
      const help = "Seconds from when a run was due to its start.";
      this.#took("dagrun_schedule_delay", help, delays, dagId, it.at - measured.dueAt);
    }
    if ((what === "success" || what === "failed") && measured?.startedAt !== undefined) {
      const help = `Seconds of runs that ended with ${what}.`;
      const ms = it.at - measured.startedAt;
      this.#took(`dagrun_duration_${what}`, help, durations, dagId, ms);
    }
  }

  #task(it: WorkflowEvent, what: string): void {
    const { dagId = "", taskId = "", measured } = it;
    const of = { dag_id: dagId, task_id: taskId };
    if (what === "running") {
      this.#count("ti_start", "Task instances started.", of);
      this.#firstTask(it);
      if (measured?.dueAt !== undefined) {
        const help = "Seconds that a task instance was scheduled and waited for room.";
        this.#took("task_scheduled_duration", help, delays, dagId, it.at - measured.dueAt);
      }
    }
    if (what === "orphaned") {
      this.#count("scheduler_orphaned_tasks_adopted", "Tasks taken over from lost schedulers.");
    }
    if (!ends.has(what)) return;
    this.#count("ti_finish", "Task instances that ended.", { ...of, state: what });
    if (what === "success") this.#ended("successes", it);
    if (failures.has(what)) this.#ended("failures", it);
    if (measured?.startedAt === undefined) return;
    const ms = it.at - measured.startedAt;
    this.#took("task_duration", "Seconds that tries of tasks took.", durations, dagId, ms);
  }

  /** Of a run that has started, until its first task does. */
  #remember(run: string, dueAt: number): void {
    this.#due.set(run, dueAt);
    const [oldest] = this.#due.keys();
    if (this.#due.size > startedRunsMax && oldest !== undefined) this.#due.delete(oldest);
  }

  #firstTask({ dagId = "", runId, at }: WorkflowEvent): void {
    const run = JSON.stringify([dagId, runId]);
    const dueAt = this.#due.get(run);
    if (dueAt === undefined) return;
    this.#due.delete(run);
    const help = "Seconds from when a run was due to the start of its first task.";
    this.#took("dagrun_first_task_scheduling_delay", help, delays, dagId, at - dueAt);
  }

  #ended(how: "successes" | "failures", { measured }: WorkflowEvent): void {
    this.#count(`ti_${how}`, `Tries of task instances: ${how}.`);
    const operator = measured?.operator;
    if (operator !== undefined) {
      this.#count(`operator_${how}`, `Tries by operator: ${how}.`, { operator });
    }
  }

  #count(name: string, help: string, labels: Readonly<Record<string, string>> = {}): void {
    const head = { name: `airflow_${name}`, help, labels: Object.keys(labels) };
    this.#registry
      .counter(head)
      .of(...Object.values(labels))
      .add();
  }

  #took(
    name: string,
    help: string,
    buckets: readonly number[],
    ...[dagId, ms]: readonly [dagId: string, ms: number]
  ): void {
    this.#registry
      .histogram({ name: `airflow_${name}`, help, labels: ["dag_id"], buckets })
      .of(dagId)
      .observe(Math.max(0, ms) / 1_000);
  }
}
