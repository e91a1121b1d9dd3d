import { existsSync } from "node:fs";
import { findInstance, type InstanceReport } from "./instance.ts";
import type { Where } from "#main/command-line/options.ts";
import { firstPasswordFile, pathsBelow, runDirectoryOf, type Paths } from "#main/process/paths.ts";

function workflowRows(
  workflows: InstanceReport["workflows"],
  paths: Paths,
): [name: string, value: string][] {
  if (workflows === undefined) return [];
  const { pid, api, dags } = workflows;
  const file = firstPasswordFile(paths.workflows);
  const login = existsSync(file) ? ` (admin's password: ${file})` : "";
  return [
    ["workflows", api === null ? "without REST API" : `${api}${login}`],
    ["DAG files", `${dags} (process ${pid})`],
  ];
}

/** Prints what runs on a data directory. Resolves with false when nothing does. */
export async function status(where: Where): Promise<boolean> {
  const running = await findInstance(where.dataDir);
  if (running === undefined) {
    process.stdout.write("not running; start it with: gantry up\n");
    return false;
  }
  running.close();
  const { report } = running;
  const paths = pathsBelow(where.dataDir, runDirectoryOf(where.dataDir));
  const rows: [string, string][] = [
    ["process", String(report.pid)],
    ["version", report.version ?? "starting"],
    ["API server", report.server ?? "starting"],
    ["node", report.node ?? "starting"],
    ["runtime", report.runtime ?? "starting"],
    ["started", report.startedAt ?? "starting"],
    ["kubeconfig", paths.kubeconfig],
    ["log", paths.log],
    ...workflowRows(report.workflows, paths),
  ];
  for (const [name, value] of rows) process.stdout.write(`${name.padEnd(12)}${value}\n`);
  return true;
}
