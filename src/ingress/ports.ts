import { createServer } from "node:net";
import type { Service } from "#api/gen/types.ts";
import { keyOf } from "#client/object-key.ts";

/** The node's annotation that names the ports on which its ingress answers: `80,443`. */
export const portsAnnotation = "gantry.dev/ingress-ports";

/** Whether nobody on this machine listens on the port, at any address. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(false);
      else reject(error);
    });
    server.listen({ port, host: "0.0.0.0", exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

/** The load balancer that takes the nodes' connections to the port before any program sees them. */
export function balancerOn(port: number, services: readonly Service[]): string | undefined {
  const holder = services.find(
    ({ spec, status }) =>
      spec?.type === "LoadBalancer" &&
      (status?.loadBalancer?.ingress ?? []).length > 0 &&
      spec.ports?.some((it) => it.port === port && (it.protocol ?? "TCP") === "TCP") === true,
  );
  return holder === undefined ? undefined : keyOf(holder);
}
