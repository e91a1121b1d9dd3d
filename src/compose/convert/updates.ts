import type { DaemonSet, Deployment } from "#api/gen/types.ts";
import { present } from "#base/present.ts";
import type { Service, Update } from "#compose/project/model.ts";

type DeploymentUpdate = Pick<NonNullable<Deployment["spec"]>, "strategy" | "minReadySeconds">;
type DaemonUpdate = Pick<NonNullable<DaemonSet["spec"]>, "updateStrategy" | "minReadySeconds">;

/**
 * How pods take the place of others. @param isAlone they have what two cannot have at a time: a
 * volume, or a port of the node.
 */
export function deploymentUpdate(service: Service, isAlone: boolean): DeploymentUpdate {
  const update = service.deploy?.update_config;
  const minReadySeconds = secondsOf(update);
  if (isAlone) return present({ strategy: { type: "Recreate" }, minReadySeconds });
  if (update === undefined) return { strategy: { type: "RollingUpdate" } };
  const at = atATime(update);
  const rollingUpdate =
    update.order === "start-first"
      ? { maxSurge: at, maxUnavailable: 0 }
      : { maxSurge: 0, maxUnavailable: at };
  return present({ strategy: { type: "RollingUpdate", rollingUpdate }, minReadySeconds });
}

/** The same for one pod on each node, of which the old one goes first. */
export function daemonUpdate(service: Service): DaemonUpdate {
  const update = service.deploy?.update_config;
  if (update === undefined) return {};
  const rollingUpdate = { maxUnavailable: atATime(update) };
  const updateStrategy = { type: "RollingUpdate", rollingUpdate };
  return present({ updateStrategy, minReadySeconds: secondsOf(update) });
}

/** None is all of them. */
function atATime({ parallelism = 1 }: Update): number | string {
  return parallelism === 0 ? "100%" : parallelism;
}

function secondsOf(update: Update | undefined): number | undefined {
  return update?.delay === undefined ? undefined : Math.ceil(update.delay / 1_000);
}
