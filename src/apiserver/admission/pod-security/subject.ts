import type { Container, EphemeralContainer, ObjectMeta, Pod, PodSpec } from "#api/gen/types.ts";
import type { Loose } from "#api/rules/rules.ts";

/** What is judged: a pod, or the template of pods to be. */
export interface Subject {
  readonly metadata: Loose<ObjectMeta>;
  readonly spec: Loose<PodSpec>;
  /** All of them, in the order in which messages name them. */
  readonly containers: readonly AnyContainer[];
}

/** A pod, or a template, as the checks see it. */
export function subjectOf({ metadata = {}, spec = {} }: Loose<Pod>): Subject {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = spec;
  return { metadata, spec, containers: [...initContainers, ...containers, ...ephemeralContainers] };
}

/** What a check has against a pod. */
export interface Violation {
  /** A few words, for lists of many pods. */
  readonly reason: string;
  /** Which containers, which values; may be empty. */
  readonly detail: string;
}

/** One rule about pods; undefined for a pod that keeps to it. */
export type Check = (pod: Subject) => Violation | undefined;

/** Any kind of container: the fields that checks read are the same. */
export type AnyContainer = Loose<Container> | Loose<EphemeralContainer>;

/** The names of the containers of which `test` is true. */
export function containersThat(pod: Subject, test: (it: AnyContainer) => boolean): string[] {
  return pod.containers.filter(test).map((it) => it.name ?? "");
}

/** `"a", "b"` */
export function quoted(items: readonly string[]): string {
  return items.map((it) => `"${it}"`).join(", ");
}

/** Each once, in order. */
export function sorted(items: Iterable<string>): string[] {
  return [...new Set(items)].sort();
}

export function plural(one: string, many: string, count: number): string {
  return count === 1 ? one : many;
}

/** `container "a"` or `containers "a", "b"` */
export function containersNamed(names: readonly string[]): string {
  return `${plural("container", "containers", names.length)} ${quoted(names)}`;
}

/** Who sets something: `pod and containers "a", "b"`; empty when nobody does. */
export function settersNamed(isPod: boolean, containers: readonly string[]): string {
  const setters = isPod ? ["pod"] : [];
  if (containers.length > 0) setters.push(containersNamed(containers));
  return setters.join(" and ");
}
