import type { Pod } from "#api/gen/types.ts";
import { mirroredUid } from "./manifest.ts";

/** What brings the API's picture of the node's own pods up to date. */
export type MirrorAction =
  | { readonly kind: "create"; readonly pod: Pod }
  | { readonly kind: "delete"; readonly mirror: Pod };

/**
 * One mirror for each static pod. One that somebody deleted, or that shows another manifest, is
 * removed, and made again at the next look. So are those whose uid is in `past`.
 */
export function planMirrors(
  pods: readonly Pod[],
  mirrors: readonly Pod[],
  past: ReadonlySet<string | undefined>,
): readonly MirrorAction[] {
  const wanted = new Map(pods.map((it) => [keyOf(it), it]));
  const actions: MirrorAction[] = [];
  const present = new Set<string>();
  for (const mirror of mirrors) {
    const key = keyOf(mirror);
    present.add(key);
    const uid = wanted.get(key)?.metadata?.uid;
    const isRight = uid !== undefined && mirroredUid(mirror) === uid;
    const { deletionTimestamp, uid: own } = mirror.metadata ?? {};
    if (!isRight || deletionTimestamp !== undefined || past.has(own))
      actions.push({ kind: "delete", mirror });
  }
  for (const [key, pod] of wanted) {
    const isEnding = pod.metadata?.deletionTimestamp !== undefined;
    if (!present.has(key) && !isEnding) actions.push({ kind: "create", pod });
  }
  return actions;
}

export function keyOf({ metadata }: Pod): string {
  return `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;
}

/** The static pods after the folder was read again. */
export interface NextPods {
  /** By uid: those that run, and those that end since their manifest has gone or changed. */
  readonly pods: ReadonlyMap<string, Pod>;
  /** Uids of which something changed. */
  readonly changed: readonly string[];
}

/**
 * A pod whose manifest has gone is told to end, as if it was deleted. A changed manifest is another
 * pod of the same name, which begins when the old one has ended.
 */
export function planStaticPods(
  known: ReadonlyMap<string, Pod>,
  read: readonly Pod[],
  deletionTimestamp: string,
): NextPods {
  const pods = new Map(known);
  const changed: string[] = [];
  const wanted = new Map(read.map((it) => [it.metadata?.uid ?? "", it]));
  for (const [uid, pod] of known) {
    if (wanted.has(uid) || pod.metadata?.deletionTimestamp !== undefined) continue;
    const deletionGracePeriodSeconds = pod.spec?.terminationGracePeriodSeconds ?? 30;
    const metadata = { ...pod.metadata, deletionTimestamp, deletionGracePeriodSeconds };
    pods.set(uid, { ...pod, metadata });
    changed.push(uid);
  }
  const names = new Set([...pods.values()].map(keyOf));
  for (const [uid, pod] of wanted) {
    if (known.has(uid) || names.has(keyOf(pod))) continue;
    pods.set(uid, pod);
    changed.push(uid);
  }
  return { pods, changed };
}
