import type { DagModel, TaskModel } from "#dag/model/model.ts";
import { downstreamOf } from "#dag/model/graph.ts";

/** Most lines of a tree: a task is shown below each of those before it. */
const linesMax = 10_000;

/** The tasks as Airflow's `tasks list --tree` shows them: each below those before it. */
export function taskTree(model: DagModel): string {
  const downstream = downstreamOf(model.tasks);
  const lines: string[] = [];
  function visit(id: string, depth: number): void {
    if (lines.length >= linesMax) return;
    lines.push(`${"    ".repeat(depth)}<Task(${operatorOf(model, id)}): ${id}>`);
    for (const next of downstream.get(id) ?? []) visit(next, depth + 1);
  }
  for (const task of model.tasks) if (task.upstream.length === 0) visit(task.id, 0);
  if (lines.length >= linesMax) lines.push("…");
  return lines.map((it) => `${it}\n`).join("");
}

function operatorOf(model: DagModel, id: string): string {
  return model.tasks.find((it) => it.id === id)?.operator ?? "";
}

/** The tasks as lines, in order; the edges are what counts. */
export function taskLines(model: DagModel): string {
  return model.tasks
    .map((task) => {
      const mapped = task.expand === undefined ? "" : " [mapped]";
      const after = task.upstream.length === 0 ? "" : `  <- ${task.upstream.join(", ")}`;
      const rule = task.triggerRule === "all_success" ? "" : `  (${task.triggerRule})`;
      return `${task.id}${mapped}${after}${rule}\n`;
    })
    .join("");
}

/** The DAG for Graphviz, groups as clusters. */
export function taskDot(model: DagModel): string {
  const lines = [`digraph ${quoted(model.id)} {`, "  rankdir=LR;"];
  function visit(group: string | undefined, depth: number): void {
    const indent = "  ".repeat(depth + 1);
    for (const task of model.tasks.filter((it) => it.group === group)) {
      lines.push(`${indent}${quoted(task.id)} [label=${quoted(labelOf(task))} shape=box];`);
    }
    for (const it of model.groups.filter((one) => one.parent === group)) {
      lines.push(`${indent}subgraph ${quoted(`cluster_${it.id}`)} {`);
      lines.push(`${indent}  label=${quoted(it.id)};`);
      visit(it.id, depth + 1);
      lines.push(`${indent}}`);
    }
  }
  visit(undefined, 0);
  for (const task of model.tasks) {
    for (const before of task.upstream) {
      lines.push(`  ${quoted(before)} -> ${quoted(task.id)};`);
    }
  }
  return [...lines, "}", ""].join("\n");
}

function labelOf(task: TaskModel): string {
  const own = task.group === undefined ? task.id : task.id.slice(task.group.length + 1);
  return task.expand === undefined ? own : `${own} [ ]`;
}

function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
