import type { Pod } from "#api/gen/types.ts";
import { commandOf, labelsOf } from "./facts.ts";

/** The `config` of an image, as far as a container changes it. */
export type CommittedConfig = Readonly<Record<string, unknown>>;

/** An image's own config with what its container was run with, as `docker commit` keeps it. */
export function committedConfig(image: CommittedConfig, pod: Pod): CommittedConfig {
  const labels = { ...(image["Labels"] as object | undefined), ...labelsOf(pod) };
  return {
    ...image,
    ...environmentOf(image, pod),
    ...commandsOf(pod),
    ...placeOf(pod),
    ...(Object.keys(labels).length === 0 ? {} : { Labels: labels }),
  };
}

function environmentOf(image: CommittedConfig, pod: Pod): CommittedConfig {
  const env = pod.spec?.containers[0]?.env ?? [];
  const known = Array.isArray(image["Env"]) ? (image["Env"] as readonly string[]) : [];
  const all = [...known, ...env.map((it) => `${it.name}=${it.value ?? ""}`)];
  const last = new Map(all.map((it) => [it.split("=", 1)[0] ?? "", it]));
  return last.size === 0 ? {} : { Env: [...last.values()] };
}

/** An entry point of its own has made the image's command void. */
function commandsOf(pod: Pod): CommittedConfig {
  const { command, args } = pod.spec?.containers[0] ?? {};
  if (command !== undefined) return { Entrypoint: command, Cmd: args ?? [] };
  return args === undefined ? {} : { Cmd: args };
}

function placeOf(pod: Pod): CommittedConfig {
  const { workingDir, securityContext } = pod.spec?.containers[0] ?? {};
  const { runAsUser, runAsGroup } = securityContext ?? {};
  const user = [runAsUser, runAsGroup].filter((it) => it !== undefined).join(":");
  return {
    ...(workingDir === undefined ? {} : { WorkingDir: workingDir }),
    ...(user === "" ? {} : { User: user }),
  };
}

/** The line of the image's history. */
export function committedBy(pod: Pod): string {
  return commandOf(pod).join(" ");
}
