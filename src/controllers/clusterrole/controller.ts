import { clusterRoles } from "#client/kinds.ts";
import { keyOf } from "#client/object-key.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { watches, type Controller } from "#reconcile/controller.ts";
import { aggregatedRules } from "./plan.ts";

/** Fills in the rules of ClusterRoles that gather those of others. */
export function clusterRoleAggregation(ports: ControllerPorts): Controller {
  const informer = ports.informers.of(clusterRoles);
  return {
    name: "clusterrole-aggregation-controller",
    workers: 1,
    watches: [
      // Any role may be gathered by any that gathers; there are few of those.
      watches(informer, () =>
        informer
          .list()
          .filter((it) => it.aggregationRule !== undefined)
          .map(keyOf),
      ),
    ],
    async reconcile(key, signal) {
      const role = informer.get(key);
      if (role === undefined) return {};
      const rules = aggregatedRules(role, informer.list());
      if (rules === undefined) return {};
      await ports.client.update(clusterRoles, { ...role, rules }, {}, signal);
      return {};
    },
  };
}
