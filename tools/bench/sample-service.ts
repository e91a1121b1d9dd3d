import type { Service } from "#api/gen/types.ts";

/** A service with an address of its own. @param i below 60,000 */
export function sampleService(i: number): Service {
  return {
    metadata: { name: `service-${i}`, namespace: "default" },
    spec: {
      clusterIP: `10.96.${1 + Math.floor(i / 250)}.${1 + (i % 250)}`,
      selector: { app: `app-${i}` },
      ports: [{ name: "http", port: 80, protocol: "TCP" }],
    },
  };
}
