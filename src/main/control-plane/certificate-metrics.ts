import { X509Certificate } from "node:crypto";
import type { Clock } from "#base/clock.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";

/**
 * Tells how long a node's certificate is good for, under upstream's name.
 * @param certificate PEM of the one in use; asked at each look.
 * @returns takes it away again.
 */
export function exposeCertificate(
  which: "client" | "server",
  certificate: () => string,
  to: { readonly metrics: MetricRegistry; readonly clock: Clock },
): Disposable {
  const remove = to.metrics.computed(
    {
      name: `kubelet_certificate_manager_${which}_ttl_seconds`,
      help: `Seconds until the ${which} certificate expires; negative when it has.`,
      type: "gauge",
    },
    () => {
      const end = new X509Certificate(certificate()).validToDate.getTime();
      return [{ labels: {}, value: (end - to.clock.now()) / 1_000 }];
    },
  );
  return { [Symbol.dispose]: remove };
}
