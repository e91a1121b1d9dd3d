import type { Container, Pod, PodSpec } from "#api/gen/types.ts";
import { objectName } from "#api/names.ts";
import { present } from "#base/present.ts";
import { projectLabels, serviceLabel, templateLabel } from "#compose/convert/names.ts";
import type { Workload } from "#compose/convert/workloads.ts";
import type { Project } from "#compose/project/model.ts";
import { containerLabel } from "#containers/labels.ts";
import { attachedClass } from "#containers/plan/container.ts";
import { literal } from "#containers/plan/dollars.ts";
import { containerUser, userAnnotations } from "#containers/plan/user.ts";

/** What `compose run` changes of a service. */
export interface OneOff {
  readonly name: string;
  /** Instead of the service's command; empty: as it is. */
  readonly command: readonly string[];
  readonly entrypoint: string | undefined;
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly user: string | undefined;
  readonly workdir: string | undefined;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly attached: boolean;
  /** With the service's ports of the node. */
  readonly servicePorts: boolean;
}

/** On pods of `compose run`: the service that they are of. */
export const oneOffLabel = "gantry.dev/compose-one-off";

/** One container of a service beside those that it has: a pod that runs once, found by no name. */
export function oneOffPod(
  project: Project,
  of: { readonly service: string; readonly workload: Workload },
  asked: OneOff,
): Pod {
  const { metadata, spec } = of.workload.spec?.template ?? {};
  const [container = { name: of.service }] = spec?.containers ?? [];
  const user = containerUser(asked.user);
  const annotations = { ...metadata?.annotations, ...userAnnotations(container.name, user) };
  return {
    metadata: present({
      name: asked.name,
      labels: {
        ...withoutService(metadata?.labels ?? {}),
        ...projectLabels(project),
        [oneOffLabel]: objectName(of.service),
        [containerLabel]: asked.name,
      },
      annotations: Object.keys(annotations).length === 0 ? undefined : annotations,
    }),
    spec: present<PodSpec>({
      ...spec,
      restartPolicy: "Never",
      runtimeClassName: asked.attached ? attachedClass : spec?.runtimeClassName,
      containers: [oneOffContainer(container, asked, user)],
    }),
  };
}

/** By which the service's names and its Deployment would take the pod for theirs. */
function withoutService(labels: Readonly<Record<string, string>>): Record<string, string> {
  const others = Object.entries(labels).filter(
    ([name]) => name !== serviceLabel && name !== templateLabel,
  );
  return Object.fromEntries(others);
}

function oneOffContainer(
  container: Container,
  asked: OneOff,
  user: ReturnType<typeof containerUser>,
): Container {
  const added = asked.env.map((it) => {
    const at = it.indexOf("=");
    return { name: it.slice(0, at), value: literal(it.slice(at + 1)) };
  });
  const names = new Set(added.map((it) => it.name));
  const env = [...(container.env ?? []).filter((it) => !names.has(it.name)), ...added];
  const { runAsUser, runAsGroup } = user;
  const isOther = user.named !== undefined || runAsUser !== undefined;
  return present<Container>({
    ...container,
    // Nobody waits for it to be healthy.
    readinessProbe: undefined,
    startupProbe: undefined,
    ...commandsOf(container, asked),
    env: env.length === 0 ? undefined : env,
    workingDir: asked.workdir ?? container.workingDir,
    ports: asked.servicePorts ? container.ports : undefined,
    tty: asked.tty ? true : undefined,
    stdin: asked.stdin ? true : undefined,
    stdinOnce: asked.stdin && asked.attached ? true : undefined,
    securityContext: isOther
      ? present({ ...container.securityContext, runAsUser, runAsGroup })
      : container.securityContext,
  });
}

/** An entry point of its own makes the service's command void. */
function commandsOf(
  container: Container,
  { command, entrypoint }: OneOff,
): Pick<Container, "command" | "args"> {
  const args = command.length === 0 ? undefined : command.map(literal);
  if (entrypoint === undefined) return args === undefined ? {} : { args };
  return { command: [literal(entrypoint)], args: args ?? [] };
}
