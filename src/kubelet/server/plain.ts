import type { ServerResponse } from "node:http";
import type { ServerContext } from "./context.ts";
import { expositionType } from "#base/metrics/exposition.ts";
import type { ExposedMetrics } from "#kubelet/metrics/exposed-metrics.ts";
import { resourceMetrics, summaryOf, takeSnapshot } from "./stats.ts";
import type { UsageSource } from "./usage.ts";

export interface PlainContext extends ServerContext {
  readonly nodeName: string;
  readonly usage: UsageSource;
  readonly metrics: ExposedMetrics;
}

/** What needs no more than its path to be answered. */
export type PlainKind =
  | "health"
  | "pods"
  | "summary"
  | "resource-metrics"
  | "metrics"
  | "container-metrics"
  | "probe-metrics";

/** Answers what is neither a log nor a connection. */
export async function servePlain(
  context: PlainContext,
  kind: PlainKind,
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
  const text = await metricsText(context.metrics, kind);
  if (text !== undefined) {
    reply(response, expositionType, text);
    return;
  }
  const at = { nodeName: context.nodeName, nowMs: context.clock.now() };
  const snapshot = await takeSnapshot(context.pods, context.usage, at);
  if (kind === "summary") {
    reply(response, "application/json", JSON.stringify(summaryOf(snapshot)));
  } else {
    reply(response, expositionType, resourceMetrics(snapshot));
  }
}

async function metricsText(metrics: ExposedMetrics, kind: PlainKind): Promise<string | undefined> {
  if (kind === "metrics") return await metrics.own();
  if (kind === "container-metrics") return await metrics.containers();
  return kind === "probe-metrics" ? await metrics.probes() : undefined;
}

function reply(response: ServerResponse, contentType: string, text: string): void {
  response.writeHead(200, { "content-type": contentType });
  response.end(text);
}
