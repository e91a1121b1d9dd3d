import { nodeMetrics, podMetrics } from "#api/kinds/metrics.ts";
import type { ComputedKind } from "#apiserver/computed.ts";
import type { UserInfo } from "#apiserver/contract.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Client } from "#client/client.ts";
import { Informers } from "#client/informers.ts";
import { UsageCollector } from "#metrics/collector.ts";

/** What nodes and pods use, as far as it is measured by now; the API server is there before. */
export class MeasuredUsage {
  #collector: UsageCollector | undefined;

  /** `metrics.k8s.io`, empty until somebody measures. */
  readonly kinds: readonly ComputedKind[] = [
    { resource: nodeMetrics, list: () => this.#collector?.nodeMetrics() ?? [] },
    { resource: podMetrics, list: (namespace) => this.#collector?.podMetrics(namespace) ?? [] },
  ];

  /** Measures until the signal aborts. */
  async run(
    options: {
      readonly client: Client;
      readonly clock: Clock;
      readonly random: Random;
      readonly log: Logger;
    },
    signal: AbortSignal,
  ): Promise<void> {
    await using informers = new Informers({ ...options, freeze: false });
    const log = options.log.with({ component: "metrics" });
    this.#collector = new UsageCollector({ ...options, log, informers });
    try {
      await this.#collector.run(signal);
    } finally {
      this.#collector = undefined;
    }
  }
}

/** Who measures; its rights are those of upstream's metrics-server. */
export const metricsUser: UserInfo = {
  name: "system:serviceaccount:kube-system:metrics-server",
  uid: "",
  groups: ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"],
  extra: {},
};
