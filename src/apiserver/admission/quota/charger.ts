import type { Clock } from "#base/clock.ts";
import { areEqual, listOf, type Amounts } from "#api/quota/amounts.ts";
import { childObject, type JsonObject } from "#api/object.ts";
import { isStatus } from "#api/status.ts";
import type { ObjectSink, ObjectSource } from "#apiserver/contract.ts";
import { planCharge, viewOf, type Charge, type QuotaView } from "./plan.ts";

const plural = "resourcequotas";

/** Someone who waits to hear whether a quota has room. */
interface Waiter {
  readonly charge: Charge;
  readonly dryRun: boolean;
  /** Quotas that are to be charged. */
  pays: ReadonlySet<string>;
  refusal: { readonly why: string } | undefined;
  failure: Error | undefined;
}

interface Batch {
  readonly waiters: Waiter[];
  readonly done: Promise<void>;
}

/**
 * Charges writes to the quotas of their namespace. Those that come while a charge is being written
 * go together into the next one, so that a namespace costs one write at a time, whoever creates how
 * much. Upstream: apiserver `plugin/resourcequota/controller.go`.
 */
export class QuotaCharger {
  readonly #objects: ObjectSource;
  readonly #sink: ObjectSink;
  readonly #clock: Clock;
  /** The last batch of each namespace; the earlier ones are before it. */
  readonly #last = new Map<string, Promise<void>>();
  /** Batches that have not begun. */
  readonly #open = new Map<string, Batch>();
  /** A batch is many requests', and ends for none of them. */
  readonly #never = new AbortController().signal;

  constructor(objects: ObjectSource, sink: ObjectSink, clock: Clock) {
    this.#objects = objects;
    this.#sink = sink;
    this.#clock = clock;
  }

  /**
   * Resolves with why there is no room, and with undefined once the charge is written.
   * @throws what the write of a quota throws.
   */
  async charge(namespace: string, charge: Charge, dryRun: boolean): Promise<string | undefined> {
    const waiter: Waiter = {
      charge,
      dryRun,
      pays: new Set(),
      refusal: undefined,
      failure: undefined,
    };
    const batch = this.#open.get(namespace) ?? this.#begin(namespace);
    batch.waiters.push(waiter);
    await batch.done;
    if (waiter.failure !== undefined) throw waiter.failure;
    return waiter.refusal?.why;
  }

  #begin(namespace: string): Batch {
    const waiters: Waiter[] = [];
    const before = this.#last.get(namespace) ?? Promise.resolve();
    const done = before.then(async () => {
      this.#open.delete(namespace);
      await this.#settle(namespace, waiters);
      if (this.#last.get(namespace) === done) this.#last.delete(namespace);
    });
    const batch = { waiters, done };
    this.#open.set(namespace, batch);
    this.#last.set(namespace, done);
    return batch;
  }

  /** Never rejects: what fails is told to those who wait for it. */
  async #settle(namespace: string, waiters: readonly Waiter[]): Promise<void> {
    try {
      const charged = this.#plan(namespace, waiters);
      for (const name of charged) await this.#write(namespace, name, waiters);
    } catch (error) {
      for (const it of waiters) it.failure ??= asError(error);
    }
  }

  /** Looks at one after the other, as if each before had been written; the quotas to be written. */
  #plan(namespace: string, waiters: readonly Waiter[]): string[] {
    const quotas = new Map<string, QuotaView>();
    for (const it of this.#objects.list(plural, "", namespace)) {
      const view = viewOf(it);
      quotas.set(view.name, view);
    }
    const charged = new Set<string>();
    for (const waiter of waiters) {
      const outcome = planCharge([...quotas.values()], waiter.charge, this.#clock.now());
      if (outcome.kind === "refused") {
        waiter.refusal = { why: outcome.why };
        continue;
      }
      if (waiter.dryRun) continue;
      waiter.pays = new Set(outcome.used.keys());
      for (const [name, used] of outcome.used) {
        const quota = quotas.get(name);
        if (quota !== undefined) quotas.set(name, { ...quota, used });
        charged.add(name);
      }
    }
    return [...charged];
  }

  /** Compares and sets: a quota that has changed meanwhile is looked at again by each who pays. */
  async #write(namespace: string, name: string, waiters: readonly Waiter[]): Promise<void> {
    const paying = waiters.filter((it) => it.refusal === undefined && it.pays.has(name));
    if (paying.length === 0) return;
    let late = new Map<Waiter, string>();
    const at = { namespace, name, part: "status" } as const;
    try {
      await this.#sink.change(
        plural,
        "",
        at,
        (current) => {
          const charged = chargeAll(current, paying, this.#clock.now());
          late = charged.refused;
          return charged.object;
        },
        this.#never,
      );
    } catch (error) {
      // A quota that is gone limits nothing.
      if (!isStatus(error, "NotFound")) for (const it of paying) it.failure = asError(error);
      return;
    }
    for (const [waiter, why] of late) waiter.refusal = { why };
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function chargeAll(
  quota: JsonObject,
  paying: readonly Waiter[],
  nowMs: number,
): { readonly object: JsonObject | undefined; readonly refused: Map<Waiter, string> } {
  const refused = new Map<Waiter, string>();
  const before = viewOf(quota);
  let used: Amounts = before.used;
  for (const waiter of paying) {
    const outcome = planCharge([{ ...before, used }], waiter.charge, nowMs);
    if (outcome.kind === "refused") refused.set(waiter, outcome.why);
    else used = outcome.used.get(before.name) ?? used;
  }
  if (areEqual(used, before.used)) return { object: undefined, refused };
  const status = { ...childObject(quota, "status"), used: listOf(used) };
  return { object: { ...quota, status }, refused };
}
