import { Client, credentials, status } from "@grpc/grpc-js";
import type { GRPCAction } from "#api/gen/types.ts";
import { hostPort, type Outcome, type ProbeTarget } from "./target.ts";

const checkPath = "/grpc.health.v1.Health/Check";
const serving = 1;
const statusNames = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];

/** Asks the standard health service (grpc.health.v1); only `SERVING` is success. */
export async function probeGrpc(
  action: GRPCAction,
  target: ProbeTarget,
  signal: AbortSignal,
): Promise<Outcome> {
  const service = action.service ?? "";
  const client = new Client(hostPort(target.podIp, action.port), credentials.createInsecure(), {
    "grpc.primary_user_agent": "kube-probe/1.36",
  });
  try {
    const state = await check(client, service, signal);
    if (state === serving) return { kind: "success", output: "service healthy" };
    const name = statusNames[state] ?? String(state);
    return { kind: "failure", output: `service unhealthy (responded with "${name}")` };
  } catch (error) {
    return { kind: "failure", output: explain(error, service) };
  } finally {
    client.close();
  }
}

function check(client: Client, service: string, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = client.makeUnaryRequest<string, number>(
      checkPath,
      encodeRequest,
      decodeResponse,
      service,
      (error, value) => {
        if (error === null) resolve(value ?? 0);
        else reject(error);
      },
    );
    const cancel = (): void => {
      call.cancel();
    };
    signal.addEventListener("abort", cancel, { once: true });
    if (signal.aborted) cancel();
  });
}

/** HealthCheckRequest: field 1, the service's name. */
function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service);
  if (name.length === 0) return name;
  const length: number[] = [];
  for (let rest = name.length; ; rest >>>= 7) {
    length.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
    if (rest <= 0x7f) break;
  }
  return Buffer.concat([Buffer.from([0x0a, ...length]), name]);
}

/** HealthCheckResponse: field 1, the status; zero is not sent. */
function decodeResponse(bytes: Buffer): number {
  return bytes[0] === 0x08 ? (bytes[1] ?? 0) : 0;
}

function explain(error: unknown, service: string): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? error.code : undefined;
  if (code === status.UNIMPLEMENTED) {
    return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${error.message}`;
  }
  return `error: health rpc for service "${service}" failed: ${error.message}`;
}
