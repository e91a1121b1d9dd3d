import type { Clock } from "#base/clock.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { Runtime } from "#cri/runtime.ts";

/** Seconds: 5 ms, two and a half times each. */
const buckets = [
  0.005, 0.0125, 0.03125, 0.078125, 0.1953125, 0.48828125, 1.220703125, 3.0517578125, 7.62939453125,
  19.073486328125, 47.6837158203125, 119.20928955078125, 298.0232238769531, 745.0580596923828,
];

/** Operations and upstream's names for them: `pkg/kubelet/kuberuntime/instrumented_services.go`. */
const operationTypes: Readonly<Partial<Record<keyof Runtime, string>>> = {
  version: "version",
  status: "status",
  runSandbox: "run_podsandbox",
  stopSandbox: "stop_podsandbox",
  removeSandbox: "remove_podsandbox",
  sandboxStatus: "podsandbox_status",
  listSandboxes: "list_podsandbox",
  createContainer: "create_container",
  startContainer: "start_container",
  stopContainer: "stop_container",
  removeContainer: "remove_container",
  containerStatus: "container_status",
  listContainers: "list_containers",
  updateResources: "update_container",
  reopenLog: "reopen_container_log",
  execSync: "exec_sync",
  exec: "exec",
  attach: "attach",
  portForward: "port_forward",
  pullImage: "pull_image",
  imageStatus: "image_status",
  listImages: "list_images",
  removeImage: "remove_image",
};

/** The runtime with each operation counted and timed. */
export function measuredRuntime(
  runtime: Runtime,
  to: { readonly metrics: MetricRegistry; readonly clock: Clock },
): Runtime {
  const time = timer(to.metrics, to.clock);
  const methods = new Map<string | symbol, unknown>();
  return new Proxy(runtime, {
    get(target, name) {
      const known = methods.get(name);
      if (known !== undefined) return known;
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      const type = operationTypes[name as keyof Runtime];
      const method = (...args: unknown[]): unknown => {
        const call = (): unknown => Reflect.apply(value, target, args);
        return type === undefined ? call() : time(type, call as () => Promise<unknown>);
      };
      methods.set(name, method);
      return method;
    },
  });
}

function timer(
  metrics: MetricRegistry,
  clock: Clock,
): (type: string, run: () => Promise<unknown>) => Promise<unknown> {
  const labels = ["operation_type"] as const;
  const total = metrics.counter({
    name: "kubelet_runtime_operations_total",
    help: "Operations of the container runtime.",
    labels,
  });
  const durations = metrics.histogram({
    name: "kubelet_runtime_operations_duration_seconds",
    help: "Time of operations of the container runtime.",
    labels,
    buckets,
  });
  const errors = metrics.counter({
    name: "kubelet_runtime_operations_errors_total",
    help: "Operations of the container runtime that failed.",
    labels,
  });
  return async (type, run) => {
    const since = clock.monotonic();
    total.of(type).add();
    try {
      return await run();
    } catch (error) {
      errors.of(type).add();
      throw error;
    } finally {
      durations.of(type).observe((clock.monotonic() - since) / 1_000);
    }
  };
}
