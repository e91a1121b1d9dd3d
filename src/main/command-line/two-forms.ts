import type { Pod } from "#api/gen/types.ts";
import type { ClusterOptions, Session } from "#cli/connection.ts";
import { containerNamespace } from "#containers/labels.ts";

/**
 * The container of `gantry run` that a word names, where kubectl's form of a verb would name a pod:
 * `pod/x`, and a namespace or a container that is asked for, are always of kubectl's form.
 */
export async function containerNamed(
  session: Session,
  target: string,
  options: ClusterOptions & { readonly container?: string | undefined },
): Promise<{ readonly session: Session; readonly pod: Pod } | undefined> {
  if (target.includes("/") || options.container !== undefined) return undefined;
  if (options.namespace !== undefined && options.namespace !== containerNamespace) return undefined;
  const { inNamespace } = await import("#cli/in-namespace.ts");
  const { lookForContainer } = await import("#containers/find.ts");
  const own = inNamespace(session, containerNamespace);
  const pod = await lookForContainer(own, target);
  return pod === undefined ? undefined : { session: own, pod };
}

/**
 * The two forms of `exec`: Docker's, in which options end at the target, and kubectl's, in which they
 * may stand between it and `--`.
 */
export function splitCommand(words: readonly string[]): {
  readonly options: readonly string[];
  readonly command: readonly string[];
} {
  const at = words.indexOf("--");
  const isKubectl = at === 0 || (at > 0 && words[0]?.startsWith("-") === true);
  if (!isKubectl) return { options: [], command: words };
  return { options: words.slice(0, at), command: words.slice(at + 1) };
}
