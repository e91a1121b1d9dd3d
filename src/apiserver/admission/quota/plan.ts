import type { ResourceQuota } from "#api/gen/types.ts";
import type { KubernetesObject } from "#api/object.ts";
import {
  amountsIn,
  amountsText,
  exceeding,
  growthOf,
  maskOf,
  sumOf,
  type Amounts,
} from "#api/quota/amounts.ts";
import type { Measure, Scope } from "#api/quota/measure.ts";
import { isInScope, scopesOf } from "#api/quota/measures.ts";
import type { Loose } from "#api/rules/rules.ts";

/** A quota as it stands. */
export interface QuotaView {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly hard: Amounts;
  readonly used: Amounts;
}

/** One write that may use something. */
export interface Charge {
  readonly measure: Measure;
  readonly object: KubernetesObject;
  /** Undefined for a new object. */
  readonly previous: KubernetesObject | undefined;
  /** What has happened already, as a status tells it, is counted and not refused. */
  readonly isStatus: boolean;
}

export type Outcome =
  | { readonly kind: "refused"; readonly why: string }
  /** What is used of each quota with it, by name; only of those that change. */
  | { readonly kind: "allowed"; readonly used: ReadonlyMap<string, Amounts> };

/** The quota, by what the controller has confirmed in its status. */
export function viewOf(quota: Loose<ResourceQuota>): QuotaView {
  return {
    name: quota.metadata?.name ?? "",
    scopes: scopesOf(quota.spec),
    hard: amountsIn(quota.status?.hard),
    used: amountsIn(quota.status?.used),
  };
}

/**
 * Whether the write fits all quotas, and what is used then. Upstream: apiserver
 * `plugin/resourcequota.CheckRequest`.
 */
export function planCharge(quotas: readonly QuotaView[], charge: Charge, nowMs: number): Outcome {
  const { measure, object } = charge;
  const concerned = quotas.filter((it) => concerns(it, measure, object));
  for (const quota of concerned) {
    const why = unfit(quota, charge);
    if (why !== undefined) return { kind: "refused", why };
  }
  const used = new Map<string, Amounts>();
  if (concerned.length === 0) return { kind: "allowed", used };
  const needs = new Needs(charge, nowMs);
  for (const quota of concerned) {
    const requested = maskOf(needs.of(quota), (it) => quota.hard.has(it));
    if (requested.size === 0) continue;
    const total = sumOf(quota.used, requested);
    const over = exceeding(
      maskOf(total, (it) => requested.has(it)),
      quota.hard,
    );
    if (over.length > 0 && !charge.isStatus) {
      return { kind: "refused", why: exceeded(quota, requested, over) };
    }
    used.set(quota.name, total);
  }
  return { kind: "allowed", used };
}

function concerns(quota: QuotaView, measure: Measure, object: KubernetesObject): boolean {
  for (const name of quota.hard.keys()) {
    if (measure.counts(name)) return isInScope(measure, quota.scopes, object);
  }
  return false;
}

/** What must be said, and be known, before anything can be counted. */
function unfit({ name, hard, used }: QuotaView, { measure, object }: Charge): string | undefined {
  const counted = [...hard.keys()].filter((it) => measure.counts(it));
  const missing = measure.missing?.(counted, object);
  if (missing !== undefined) return `failed quota: ${name}: ${missing}`;
  if (counted.every((it) => used.has(it))) return undefined;
  return `status unknown for quota: ${name}, resources: ${counted.sort().join(",")}`;
}

/** What a write takes of a quota; an object that it counted before takes only what is more. */
class Needs {
  readonly #charge: Charge;
  readonly #whole: Amounts;
  readonly #more: Amounts;

  constructor(charge: Charge, nowMs: number) {
    const { measure, object, previous } = charge;
    this.#charge = charge;
    const usage = measure.usage(object, nowMs);
    this.#whole = new Map([...usage].filter(([, amount]) => !amount.isZero()));
    this.#more =
      previous === undefined ? this.#whole : growthOf(usage, measure.usage(previous, nowMs));
  }

  of(quota: QuotaView): Amounts {
    const { measure, previous } = this.#charge;
    const wasCounted = previous !== undefined && concerns(quota, measure, previous);
    return wasCounted ? this.#more : this.#whole;
  }
}

function exceeded(quota: QuotaView, requested: Amounts, over: readonly string[]): string {
  const of = (amounts: Amounts): string => amountsText(maskOf(amounts, (it) => over.includes(it)));
  return `exceeded quota: ${quota.name}, requested: ${of(requested)}, used: ${of(quota.used)}, limited: ${of(quota.hard)}`;
}
