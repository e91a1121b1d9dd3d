import type { Pod } from "#api/gen/types.ts";
import { nameOf } from "./find.ts";

/** The lines of `gantry port`. @throws {Error} as Docker says it, for a port that is not published. */
export function publishedPorts(pod: Pod, wanted: string | undefined): string {
  const published = (pod.spec?.containers[0]?.ports ?? []).flatMap((it) => {
    if (it.hostPort === undefined) return [];
    const own = `${it.containerPort}/${(it.protocol ?? "TCP").toLowerCase()}`;
    return [{ own, host: `${it.hostIP ?? "0.0.0.0"}:${it.hostPort}` }];
  });
  if (wanted === undefined) return published.map((it) => `${it.own} -> ${it.host}\n`).join("");
  const port = wanted.includes("/") ? wanted : `${wanted}/tcp`;
  const found = published.filter((it) => it.own === port);
  if (found.length === 0) {
    throw new Error(`no public port '${port}' published for ${nameOf(pod)}`);
  }
  return found.map((it) => `${it.host}\n`).join("");
}
