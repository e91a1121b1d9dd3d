import type { Pod } from "#api/gen/types.ts";
import { objectPath } from "#api/resource.ts";
import { isStatus } from "#api/status.ts";
import type { Session } from "#cli/connection.ts";
import { pods } from "#client/kinds.ts";
import { nameOf } from "#containers/find.ts";
import { resourcesOf } from "#containers/plan/container.ts";
import type { ContainerOptions } from "#containers/options.ts";
import { UsageError } from "#containers/usage-error.ts";

export type UpdateOptions = Pick<
  ContainerOptions,
  "memory" | "memoryReservation" | "cpus" | "restart"
>;

/**
 * `gantry update`: other limits for a container that runs, without a restart.
 * @throws {UsageError} for what a pod keeps for its life.
 */
export async function updateContainer(
  session: Session,
  pod: Pod,
  options: UpdateOptions,
): Promise<void> {
  const again = `make it again: gantry rm -f ${nameOf(pod)}, then gantry run with the new flags`;
  if (options.restart !== undefined) {
    throw new UsageError(`update --restart: a pod's restart policy stays; ${again}`);
  }
  const resources = resourcesOf(options);
  if (resources === undefined) {
    throw new UsageError("you must provide one or more flags when using this command");
  }
  const [container] = pod.spec?.containers ?? [];
  const { namespace = "", name = "" } = pod.metadata ?? {};
  const body = { spec: { containers: [{ name: container?.name ?? "", resources }] } };
  try {
    await session.cluster.client.raw(
      {
        method: "PATCH",
        path: `${objectPath(pods, namespace, name)}/resize`,
        headers: { "content-type": "application/strategic-merge-patch+json" },
        body: Buffer.from(JSON.stringify(body)),
      },
      session.signal,
    );
  } catch (error) {
    if (!isStatus(error, "Invalid")) throw error;
    throw new Error(`these limits cannot be had while it runs; ${again}`, { cause: error });
  }
}
