import type { ServerResponse } from "node:http";
import type { ServerContext } from "./context.ts";
import { resourceMetrics, summaryOf, takeSnapshot } from "./stats.ts";
import type { UsageSource } from "./usage.ts";

export interface PlainContext extends ServerContext {
  readonly nodeName: string;
  readonly usage: UsageSource;
}

/** Answers what is neither a log nor a connection. */
export async function servePlain(
  context: PlainContext,
  kind: "health" | "pods" | "summary" | "resource-metrics",
  response: ServerResponse,
): Promise<void> {
  if (kind === "health") {
    reply(response, "text/plain; charset=utf-8", "ok");
    return;
  }
  if (kind === "pods") {
    const list = { kind: "PodList", apiVersion: "v1", metadata: {}, items: context.pods.list() };
    reply(response, "application/json", JSON.stringify(list));
    return;
  }
  const at = { nodeName: context.nodeName, nowMs: context.clock.now() };
  const snapshot = await takeSnapshot(context.pods, context.usage, at);
  if (kind === "summary") {
    reply(response, "application/json", JSON.stringify(summaryOf(snapshot)));
  } else {
    reply(response, "text/plain; version=0.0.4; charset=utf-8", resourceMetrics(snapshot));
  }
}

function reply(response: ServerResponse, contentType: string, text: string): void {
  response.writeHead(200, { "content-type": contentType });
  response.end(text);
}
