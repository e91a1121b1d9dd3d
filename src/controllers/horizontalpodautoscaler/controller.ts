import type {
  HorizontalPodAutoscalerConditionV2,
  HorizontalPodAutoscalerStatusV2,
  HorizontalPodAutoscalerV2,
  Pod,
  Scale,
} from "#api/gen/types.ts";
import { builtinResources } from "#api/kinds/list.ts";
import type { Resource } from "#api/resource.ts";
import { matchesLabels } from "#api/selector/label.ts";
import { parseLabelSelector } from "#api/selector/parse-label.ts";
import { formatTime } from "#api/time.ts";
import type { Informer } from "#client/informer.ts";
import { horizontalPodAutoscalers, pods } from "#client/kinds.ts";
import { nameOf, namespaceOf } from "#client/object-key.ts";
import type { ResourceOf } from "#client/resource-of.ts";
import { inNamespace } from "#controllers/pods/indexes.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { sameJson } from "#controllers/same-json.ts";
import { ownKey, watches, type Controller } from "#reconcile/controller.ts";
import type { EventRecorder } from "#reconcile/events.ts";
import type { ReconcileResult } from "#reconcile/run.ts";
import { noMemory, type Memory } from "./behavior.ts";
import { podMetricsKind, type PodMetrics } from "./metrics.ts";
import { condition, planScale, type Condition, type ScalePlan } from "./plan.ts";

/** How often each autoscaler looks. Upstream: `--horizontal-pod-autoscaler-sync-period`. */
const roundMs = 15_000;

/** Gives workloads as many replicas as what they use asks for. */
export function horizontalPodAutoscalerController(ports: ControllerPorts): Controller {
  const informer = ports.informers.of(horizontalPodAutoscalers);
  const context: Context = {
    ports,
    pods: ports.informers.of(pods),
    recorder: ports.recorder("horizontal-pod-autoscaler"),
    memories: new Map(),
  };
  return {
    name: "horizontal-pod-autoscaler-controller",
    workers: 4,
    watches: [
      // Its own status, which it writes at every look, is no reason to look again.
      watches(
        informer,
        ownKey,
        ({ previous, current }) => !sameJson(previous?.spec, current?.spec),
      ),
      { synced: (signal) => context.pods.synced(signal), subscribe: () => () => undefined },
    ],
    async reconcile(key, signal) {
      const autoscaler = informer.get(key);
      if (autoscaler === undefined) {
        context.memories.delete(key);
        return {};
      }
      await reconcile(context, key, autoscaler, signal);
      return { afterMs: roundMs } satisfies ReconcileResult;
    },
  };
}

interface Context {
  readonly ports: ControllerPorts;
  readonly pods: Informer<Pod>;
  readonly recorder: EventRecorder;
  /** One for each autoscaler. */
  readonly memories: Map<string, Memory>;
}

interface Target {
  readonly resource: ResourceOf<Scale>;
  readonly at: { readonly namespace: string; readonly name: string; readonly subresource: "scale" };
  readonly scale: Scale;
}

async function reconcile(
  context: Context,
  key: string,
  autoscaler: HorizontalPodAutoscalerV2,
  signal: AbortSignal,
): Promise<void> {
  const { ports, recorder } = context;
  const found = await findTarget(context, autoscaler, signal);
  if ("reason" in found) {
    warn(recorder, autoscaler, found.reason, found.message ?? "");
    await writeStatus(context, autoscaler, { conditions: [found] }, signal);
    return;
  }
  const { scale } = found;
  const selected = selectPods(context, autoscaler, scale);
  if (selected === undefined) {
    const invalid = condition("ScalingActive", false, "InvalidSelector", noSelector);
    warn(recorder, autoscaler, "InvalidSelector", noSelector);
    await writeStatus(context, autoscaler, { scale, conditions: [hasScale, invalid] }, signal);
    return;
  }
  const situation = {
    current: scale.spec?.replicas ?? 0,
    pods: selected,
    metrics: await readMetrics(context, autoscaler, scale, signal),
    now: ports.clock.now(),
  };
  const plan = planScale(autoscaler.spec, situation, context.memories.get(key) ?? noMemory);
  for (const { reason, message } of plan.faults) warn(recorder, autoscaler, reason, message);
  const able = await rescale(context, autoscaler, { target: found, plan }, signal);
  // What did not happen is not remembered.
  if (able === undefined) context.memories.set(key, plan.memory);
  const all = [hasScale, ...plan.conditions];
  const conditions = able === undefined ? all : [...all, able];
  await writeStatus(context, autoscaler, { scale, plan, conditions }, signal);
}

/** The condition that says why there is no target, when there is none. */
async function findTarget(
  { ports }: Context,
  autoscaler: HorizontalPodAutoscalerV2,
  signal: AbortSignal,
): Promise<Target | (Condition & { readonly reason: string })> {
  const { apiVersion = "", kind, name } = autoscaler.spec.scaleTargetRef;
  const group = apiVersion.includes("/") ? apiVersion.split("/", 1).join("") : "";
  const resource = builtinResources.find(
    (it: Resource) =>
      it.group === group && it.kind === kind && it.subresources.some((sub) => sub.name === "scale"),
  );
  const at = { namespace: namespaceOf(autoscaler), name, subresource: "scale" } as const;
  const failed = (message: string): Condition & { readonly reason: string } => ({
    ...condition("AbleToScale", false, "FailedGetScale", message),
    reason: "FailedGetScale",
  });
  if (resource === undefined) {
    return failed(
      `the HPA controller was unable to get the target's current scale: no matches for kind "${kind}" in group "${group}"`,
    );
  }
  const scaled: ResourceOf<Scale> = resource;
  try {
    return { resource: scaled, at, scale: await ports.client.get(scaled, at, signal) };
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    return failed(`the HPA controller was unable to get the target's current scale: ${why}`);
  }
}

/** What a later condition of the same look does not say better. */
const hasScale = condition(
  "AbleToScale",
  true,
  "SucceededGetScale",
  "the HPA controller was able to get the target's current scale",
);

const noSelector = "the HPA target's scale is missing a selector";

/** Undefined when the target does not say which pods are its own. */
function selectPods(
  context: Context,
  autoscaler: HorizontalPodAutoscalerV2,
  scale: Scale,
): readonly Pod[] | undefined {
  const text = scale.status?.selector ?? "";
  if (text === "") return undefined;
  const selector = parseLabelSelector(text);
  return inNamespace(context.pods, namespaceOf(autoscaler)).filter((it) =>
    matchesLabels(selector, it.metadata?.labels),
  );
}

/** Without an answer no pod's use is known, which the plan says in its own words. */
async function readMetrics(
  { ports }: Context,
  autoscaler: HorizontalPodAutoscalerV2,
  scale: Scale,
  signal: AbortSignal,
): Promise<readonly PodMetrics[]> {
  const selection = { namespace: namespaceOf(autoscaler), labelSelector: scale.status?.selector };
  try {
    return (await ports.client.list(podMetricsKind, selection, signal)).items;
  } catch (error) {
    signal.throwIfAborted();
    ports.log.info("no metrics of pods", { reason: String(error) });
    return [];
  }
}

/** Undefined when the target has the replicas that it is to have; else why it has not. */
async function rescale(
  { ports, recorder }: Context,
  autoscaler: HorizontalPodAutoscalerV2,
  { target, plan }: { readonly target: Target; readonly plan: ScalePlan },
  signal: AbortSignal,
): Promise<Condition | undefined> {
  const { resource, at, scale } = target;
  if (plan.replicas === scale.spec?.replicas) return undefined;
  try {
    const body = { spec: { replicas: plan.replicas } };
    await ports.client.patch(resource, at, { type: "merge", body }, signal);
    const message = `New size: ${plan.replicas}; reason: ${plan.why}`;
    recorder.record(horizontalPodAutoscalers, autoscaler, {
      type: "Normal",
      reason: "SuccessfulRescale",
      message,
    });
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    const message = `New size: ${plan.replicas}; reason: ${plan.why}; error: ${why}`;
    warn(recorder, autoscaler, "FailedRescale", message);
    return condition(
      "AbleToScale",
      false,
      "FailedUpdateScale",
      `the HPA controller was unable to update the target scale: ${why}`,
    );
  }
}

interface Outcome {
  readonly scale?: Scale;
  readonly plan?: ScalePlan;
  readonly conditions: readonly Condition[];
}

async function writeStatus(
  { ports }: Context,
  autoscaler: HorizontalPodAutoscalerV2,
  outcome: Outcome,
  signal: AbortSignal,
): Promise<void> {
  const status = statusOf(autoscaler, outcome, formatTime(ports.clock.now()));
  if (sameJson(status, autoscaler.status)) return;
  const at = { namespace: namespaceOf(autoscaler), name: nameOf(autoscaler) };
  const patch = { type: "merge", body: { status } } as const;
  const place = { ...at, subresource: "status" };
  await ports.client.patch(horizontalPodAutoscalers, place, patch, signal);
}

function statusOf(
  { status, metadata }: HorizontalPodAutoscalerV2,
  { scale, plan, conditions }: Outcome,
  time: string,
): HorizontalPodAutoscalerStatusV2 {
  const before = status ?? { desiredReplicas: 0 };
  const { currentReplicas = 0, desiredReplicas, lastScaleTime } = before;
  const isScaled = plan !== undefined && plan.replicas !== scale?.spec?.replicas;
  return {
    currentReplicas: scale?.status?.replicas ?? currentReplicas,
    desiredReplicas: plan?.replicas ?? desiredReplicas,
    conditions: mergedConditions(before.conditions ?? [], conditions, time),
    currentMetrics: plan?.currentMetrics,
    lastScaleTime: isScaled ? time : lastScaleTime,
    observedGeneration: metadata?.generation,
  };
}

/** The last word on a type counts; its time is that of its last change. */
function mergedConditions(
  before: readonly HorizontalPodAutoscalerConditionV2[],
  now: readonly Condition[],
  time: string,
): HorizontalPodAutoscalerConditionV2[] {
  const merged = new Map(before.map((it) => [it.type, it]));
  for (const it of now) {
    const known = merged.get(it.type);
    const since = known?.status === it.status ? known.lastTransitionTime : time;
    merged.set(it.type, { ...it, lastTransitionTime: since ?? time });
  }
  return [...merged.values()];
}

function warn(
  recorder: EventRecorder,
  autoscaler: HorizontalPodAutoscalerV2,
  reason: string,
  message: string,
): void {
  recorder.record(horizontalPodAutoscalers, autoscaler, { type: "Warning", reason, message });
}
