import { expand } from "#build/dockerfile/expand.ts";
import type { Dockerfile } from "#build/dockerfile/dockerfile.ts";
import { DockerfileError } from "#build/dockerfile/location.ts";
import type { Platform } from "#build/stage/state.ts";

/** The ARGs that FROM sees and that stages may declare: those of platforms, then the file's own. */
export function globalArgs(
  dockerfile: Dockerfile,
  buildArgs: ReadonlyMap<string, string>,
  platform: Platform,
  target: string | undefined,
): Map<string, string> {
  const args = new Map<string, string>();
  for (const [name, value] of platformArgs(dockerfile, platform, target)) {
    args.set(name, buildArgs.get(name) ?? value);
  }
  for (const instruction of dockerfile.globalArgs) {
    for (const { name, value } of instruction.definitions) {
      const given = buildArgs.get(name);
      if (given !== undefined) args.set(name, given);
      else if (value !== undefined) {
        try {
          const { escape } = dockerfile;
          args.set(name, expand(value, (it) => args.get(it), { escape }).text);
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          throw new DockerfileError(instruction.lines, reason, { cause: error });
        }
      }
    }
  }
  return args;
}

function platformArgs(
  dockerfile: Dockerfile,
  platform: Platform,
  target: string | undefined,
): [name: string, value: string][] {
  const { os, architecture, variant = "" } = platform;
  const text = `${os}/${architecture}${variant === "" ? "" : `/${variant}`}`;
  const parts = [
    ["PLATFORM", text],
    ["OS", os],
    ["OSVERSION", ""],
    ["ARCH", architecture],
    ["VARIANT", variant],
  ] as const;
  const stage = target ?? dockerfile.stages.at(-1)?.head.name ?? "default";
  return [
    ...parts.map(([name, value]): [string, string] => [`BUILD${name}`, value]),
    ...parts.map(([name, value]): [string, string] => [`TARGET${name}`, value]),
    ["TARGETSTAGE", stage],
  ];
}
