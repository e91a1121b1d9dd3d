import type { JsonObject } from "#api/object.ts";
import type { AdmissionRequest } from "#apiserver/contract.ts";
import type { RegistryPorts, WriteTarget } from "./kind.ts";

/** Builds what admission is asked about a write. */
export function admissionRequest(
  target: WriteTarget,
  it: {
    readonly operation: AdmissionRequest["operation"];
    readonly object: JsonObject | undefined;
    readonly previous: JsonObject | undefined;
    readonly dryRun: boolean;
    readonly warn?: AdmissionRequest["warn"];
  },
): AdmissionRequest {
  return {
    user: target.user,
    resource: target.kind.resource,
    subresource: target.subresource,
    namespace: target.namespace,
    name: target.name,
    write: target,
    annotate: target.annotate,
    ...it,
  };
}

/** Runs the rules that may change the object. @throws {StatusError} of a rule that refuses. */
export async function mutate(
  ports: RegistryPorts,
  request: AdmissionRequest,
  signal: AbortSignal,
): Promise<void> {
  for (const rule of ports.admission) {
    const running = rule.mutate?.(request, signal);
    if (running !== undefined) await running;
  }
}

/** Runs the rules that only judge. @throws {StatusError} of a rule that refuses. */
export async function judge(
  ports: RegistryPorts,
  request: AdmissionRequest,
  signal: AbortSignal,
): Promise<void> {
  for (const rule of ports.admission) {
    const running = rule.validate?.(request, signal);
    if (running !== undefined) await running;
  }
}
