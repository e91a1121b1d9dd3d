import type { Pod } from "#api/gen/types.ts";
import { commandOf, labelsOf } from "./list.ts";

/** The `config` of an image, as far as a container changes it. */
export type CommittedConfig = Readonly<Record<string, unknown>>;

/** An image's own config with what its container was run with, as `docker commit` keeps it. */
export function committedConfig(image: CommittedConfig, pod: Pod): CommittedConfig {
  const [container] = pod.spec?.containers ?? [];
  const { command, args, workingDir, securityContext } = container ?? {};
  const { runAsUser, runAsGroup } = securityContext ?? {};
  const env = (container?.env ?? []).map((it) => `${it.name}=${it.value ?? ""}`);
  const known = Array.isArray(image["Env"]) ? (image["Env"] as readonly string[]) : [];
  const all = [...known, ...env];
  const last = new Map(all.map((it) => [it.split("=", 1)[0] ?? "", it]));
  const labels = { ...(image["Labels"] as object | undefined), ...labelsOf(pod) };
  const user = [runAsUser, runAsGroup].filter((it) => it !== undefined).join(":");
  return {
    ...image,
    ...(last.size === 0 ? {} : { Env: [...last.values()] }),
    ...(command === undefined ? {} : { Entrypoint: command, Cmd: args ?? [] }),
    ...(command === undefined && args !== undefined ? { Cmd: args } : {}),
    ...(workingDir === undefined ? {} : { WorkingDir: workingDir }),
    ...(user === "" ? {} : { User: user }),
    ...(Object.keys(labels).length === 0 ? {} : { Labels: labels }),
  };
}

/** The line of the image's history. */
export function committedBy(pod: Pod): string {
  return commandOf(pod).join(" ");
}
