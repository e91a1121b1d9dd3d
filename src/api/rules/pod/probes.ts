import type { HTTPGetAction, Lifecycle, LifecycleHandler, PodOS, Probe } from "#api/gen/types.ts";
import { headerNameFaults, portNameFaults, portNumberFaults } from "#api/names.ts";
import type { Faults } from "#api/rules/faults.ts";
import type { Loose } from "#api/rules/rules.ts";
import { isEmpty } from "./defaults.ts";

interface Probed {
  readonly livenessProbe?: Loose<Probe> | undefined;
  readonly readinessProbe?: Loose<Probe> | undefined;
  readonly startupProbe?: Loose<Probe> | undefined;
}

export function checkProbes(container: Probed, at: Faults): void {
  if (container.livenessProbe !== undefined) {
    checkProbe("livenessProbe", container.livenessProbe, at);
  }
  if (container.readinessProbe !== undefined) {
    checkProbe("readinessProbe", container.readinessProbe, at);
  }
  if (container.startupProbe !== undefined) {
    checkProbe("startupProbe", container.startupProbe, at);
  }
}

function checkProbe(name: string, probe: Loose<Probe>, at: Faults): void {
  at.enter(name);
  checkHandler(probe, undefined, at);
  at.nonNegative("initialDelaySeconds", probe.initialDelaySeconds);
  at.nonNegative("timeoutSeconds", probe.timeoutSeconds);
  at.nonNegative("periodSeconds", probe.periodSeconds);
  at.nonNegative("successThreshold", probe.successThreshold);
  at.nonNegative("failureThreshold", probe.failureThreshold);
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0) {
    at.invalid("terminationGracePeriodSeconds", grace, "must be greater than 0");
  }
  if (name === "readinessProbe") {
    if (grace !== undefined) {
      at.invalid("terminationGracePeriodSeconds", grace, "must not be set for readinessProbes");
    }
  } else if (probe.successThreshold !== 1) {
    at.invalid("successThreshold", probe.successThreshold ?? 0, "must be 1");
  }
  at.leave();
}

export function checkLifecycle(
  lifecycle: Loose<Lifecycle>,
  gracePeriodSeconds: number | undefined,
  os: Loose<PodOS> | undefined,
  at: Faults,
): void {
  at.enter("lifecycle");
  for (const name of ["postStart", "preStop"] as const) {
    const handler = lifecycle[name];
    if (handler === undefined) continue;
    at.enter(name);
    checkHandler(handler, gracePeriodSeconds, at);
    at.leave();
  }
  if (lifecycle.stopSignal !== undefined) checkStopSignal(lifecycle.stopSignal, os, at);
  at.leave();
}

type Handler = Loose<LifecycleHandler> & Pick<Loose<Probe>, "grpc">;

const handlerKinds = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] as const;

function checkHandler(handler: Handler, gracePeriodSeconds: number | undefined, at: Faults): void {
  let found = 0;
  for (const kind of handlerKinds) {
    if (handler[kind] === undefined) continue;
    found++;
    if (found > 1) {
      at.forbidden(kind, "may not specify more than 1 handler type");
      continue;
    }
    at.enter(kind);
    checkAction(kind, handler, gracePeriodSeconds, at);
    at.leave();
  }
  if (found === 0) at.required("", "must specify a handler type");
}

function checkAction(
  kind: (typeof handlerKinds)[number],
  handler: Handler,
  gracePeriodSeconds: number | undefined,
  at: Faults,
): void {
  switch (kind) {
    case "exec":
      if ((handler.exec?.command ?? []).length === 0) at.required("command");
      break;
    case "httpGet":
      checkHttpGet(handler.httpGet ?? {}, at);
      break;
    case "tcpSocket":
      checkPortRef("port", handler.tcpSocket?.port, at);
      break;
    case "grpc":
      checkPortRef("port", handler.grpc?.port, at);
      break;
    case "sleep":
      checkSleep(handler.sleep?.seconds ?? 0, gracePeriodSeconds, at);
      break;
  }
}

function checkSleep(seconds: number, gracePeriodSeconds: number | undefined, at: Faults): void {
  if (gracePeriodSeconds === undefined) return;
  if (seconds >= 0 && seconds <= gracePeriodSeconds) return;
  const detail = `must be non-negative and less than terminationGracePeriodSeconds (${gracePeriodSeconds})`;
  at.invalid("", seconds, detail);
}

function checkHttpGet(http: Loose<HTTPGetAction>, at: Faults): void {
  if (isEmpty(http.path)) at.required("path");
  checkPortRef("port", http.port, at);
  if (http.scheme !== "HTTP" && http.scheme !== "HTTPS") {
    at.notSupported("scheme", http.scheme, ["HTTP", "HTTPS"]);
  }
  for (const it of http.httpHeaders ?? []) {
    at.invalidAll("httpHeaders", it.name, headerNameFaults(it.name ?? ""));
  }
}

/** A port by number or by the name that a container gives it. */
export function checkPortRef(field: string, port: number | string | undefined, at: Faults): void {
  const value = port ?? 0;
  if (typeof value === "number") at.invalidAll(field, value, portNumberFaults(value));
  else at.invalidAll(field, value, portNameFaults(value));
}

const linuxSignals = new Set([
  ..."ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV".split(
    " ",
  ),
  ..."STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ".split(" "),
  "RTMIN",
  "RTMAX",
  ...Array.from({ length: 15 }, (_, i) => `RTMIN+${i + 1}`),
  ...Array.from({ length: 14 }, (_, i) => `RTMAX-${i + 1}`),
]);

function checkStopSignal(signal: string, os: Loose<PodOS> | undefined, at: Faults): void {
  if (os === undefined) {
    at.forbidden("stopSignal", "may not be set for containers with empty `spec.os.name`");
  } else if (os.name === "windows") {
    at.optionalOneOf("stopSignal", signal, ["SIGKILL", "SIGTERM"]);
  } else if (!signal.startsWith("SIG") || !linuxSignals.has(signal.slice(3))) {
    const supported = [...linuxSignals].map((it) => `SIG${it}`).sort();
    at.notSupported("stopSignal", signal, supported);
  }
}
