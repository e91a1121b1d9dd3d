import type { Clock } from "#base/clock.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { UserInfo } from "#apiserver/contract.ts";
import type { ApiRequest } from "#apiserver/http/exchange.ts";
import type { RequestInfo } from "#apiserver/request-info.ts";
import { eventLine } from "./event.ts";
import { recordingOf, type Policy } from "./policy.ts";
import { Trail, type TrailPorts } from "./trail.ts";

/** Where events go. */
export interface AuditSink {
  /** Takes a line and its newline. Never waits and never fails; what it cannot keep it counts. */
  write(line: string): void;
}

export interface AuditorOptions {
  readonly policy: Policy;
  readonly sink: AuditSink;
  readonly decode: TrailPorts["decode"];
  readonly clock: Clock;
  readonly metrics: MetricRegistry;
}

/** Begins the trails of requests that the policy wants on record. */
export class Auditor {
  readonly #policy: Policy;
  readonly #ports: TrailPorts;
  readonly #levels;

  constructor({ policy, sink, decode, clock, metrics }: AuditorOptions) {
    this.#policy = policy;
    this.#levels = metrics.counter({
      name: "apiserver_audit_level_total",
      help: "Requests by the level at which they are recorded.",
      labels: ["level"],
    });
    const events = metrics.counter({
      name: "apiserver_audit_event_total",
      help: "Events of the audit log, those that were lost among them.",
    });
    this.#ports = {
      decode,
      write: (facts, recording, stage) => {
        events.of().add();
        sink.write(eventLine(facts, recording, { stage, ms: clock.now() }));
      },
    };
  }

  /**
   * Undefined when the request is not recorded.
   * @param it.user undefined when nobody could be made out; `receivedAt` in ms since the epoch.
   */
  begin(it: {
    readonly request: ApiRequest;
    readonly info: RequestInfo;
    readonly auditId: string;
    readonly user: UserInfo | undefined;
    readonly receivedAt: number;
  }): Trail | undefined {
    const recording = recordingOf(this.#policy, it.info, it.user);
    this.#levels.of(recording.level).add();
    return recording.level === "None" ? undefined : new Trail(this.#ports, recording, it);
  }
}
