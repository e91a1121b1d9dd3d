import { isStatus } from "#api/status.ts";
import { persistentVolumeClaims, pods } from "#client/kinds.ts";
import { joinKey, keyOf, namespaceOf } from "#client/object-key.ts";
import { claimIndex, indexPodsByClaim } from "#controllers/pods/claims.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { ownKey, watches, type Controller } from "#reconcile/controller.ts";
import { planEphemeralVolumes } from "./plan.ts";

/** Makes the claims of pods' generic ephemeral volumes; the garbage collector removes them. */
export function ephemeralVolumeController(ports: ControllerPorts): Controller {
  const all = ports.informers.of(pods);
  const claims = ports.informers.of(persistentVolumeClaims);
  const recorder = ports.recorder("ephemeral_volume");
  indexPodsByClaim(all);
  return {
    name: "ephemeral-volume-controller",
    workers: 4,
    watches: [
      watches(all, ownKey, ({ current }) => current?.spec?.volumes?.some(isEphemeral) === true),
      watches(
        claims,
        (it) => all.byIndex(claimIndex, keyOf(it)).map(keyOf),
        ({ current }) => current === undefined,
      ),
    ],
    async reconcile(key, signal) {
      const pod = all.get(key);
      if (pod === undefined) return {};
      const claimOf = (name: string) => claims.get(joinKey(namespaceOf(pod), name));
      for (const action of planEphemeralVolumes(pod, claimOf)) {
        if (action.kind === "conflict") {
          const event = { type: "Warning", reason: "FailedBinding", ...action } as const;
          recorder.record(pods, pod, event);
          continue;
        }
        try {
          await ports.client.create(persistentVolumeClaims, action.claim, {}, signal);
        } catch (error) {
          // Seen in a moment, whoever made it.
          if (!isStatus(error, "AlreadyExists")) throw error;
        }
      }
      return {};
    },
  };
}

function isEphemeral(volume: { readonly ephemeral?: unknown }): boolean {
  return volume.ephemeral !== undefined;
}
