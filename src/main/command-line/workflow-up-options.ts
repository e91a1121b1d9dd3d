/** What `gantry up` is told about workflows. */
export interface WorkflowUpOptions {
  /** False: it does not run their scheduler. */
  readonly workflows: boolean;
  /** Port of their REST API on this machine; 0: none. */
  readonly workflowsPort: number;
}

/** Definitions of {@link WorkflowUpOptions}, without the parser of the port. */
export const noWorkflowsOption: [string, string] = [
  "--no-workflows",
  "leave out the scheduler of workflows",
];
export const workflowsPortDefault = 8_080;

/** The same as arguments, for programs that this one starts. */
export function workflowArguments({ workflows, workflowsPort }: WorkflowUpOptions): string[] {
  const port = ["--workflows-port", String(workflowsPort)];
  return workflows ? port : [...port, "--no-workflows"];
}
