import type { Lifecycle, LifecycleHandler } from "#api/gen/types.ts";
import { present } from "#base/present.ts";
import { commandLine, quoteWord } from "#base/shell.ts";
import type { Hook, Service } from "#compose/project/model.ts";
import { signalName } from "#containers/plan/container.ts";

/** The hooks of a service and its signal to stop; undefined where it has none. */
export function lifecycleOf(service: Service): Lifecycle | undefined {
  const { stop_signal: signal } = service;
  const lifecycle = present<Lifecycle>({
    postStart: handlerOf(service.post_start ?? []),
    preStop: handlerOf(service.pre_stop ?? []),
    stopSignal: signal === undefined ? undefined : signalName(signal),
  });
  return Object.keys(lifecycle).length === 0 ? undefined : lifecycle;
}

/** One command for all: a pod has one hook of a kind. */
function handlerOf(hooks: readonly Hook[]): LifecycleHandler | undefined {
  const [first, ...others] = hooks;
  if (first === undefined) return undefined;
  const isPlain = first.working_dir === undefined && first.environment === undefined;
  if (others.length === 0 && isPlain) return { exec: { command: [...first.command] } };
  return { exec: { command: ["/bin/sh", "-c", hooks.map(scriptOf).join(" && ")] } };
}

function scriptOf({ command, working_dir: directory, environment }: Hook): string {
  const variables = Object.entries(environment ?? {}).flatMap(([name, value]) =>
    value === null ? [] : [`${name}=${value}`],
  );
  const words = variables.length === 0 ? command : ["env", ...variables, ...command];
  const run = commandLine(...words);
  return directory === undefined ? run : `(cd ${quoteWord(directory)} && ${run})`;
}
