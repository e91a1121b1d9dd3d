import type { Quantity } from "#api/quantity.ts";
import { zero, type Amounts } from "#api/quota/amounts.ts";

/** What a container, a pod or a claim asks for. */
export interface Demand {
  readonly requests: Amounts;
  readonly limits: Amounts;
}

/** One bound of a LimitRange, for one resource. */
export interface Bound {
  /** `Container`, `Pod` or `PersistentVolumeClaim`. */
  readonly type: string;
  readonly name: string;
  readonly amount: Quantity;
}

/** What speaks against the demand; undefined when it asks for enough. */
export function belowMinimum({ type, name, amount }: Bound, demand: Demand): string | undefined {
  const request = demand.requests.get(name);
  const limit = demand.limits.get(name);
  const least = `minimum ${name} usage per ${type} is ${amount.toString()}`;
  if (request === undefined) return `${least}.  No request is specified`;
  if (isLess(request, amount)) return `${least}, but request is ${request.toString()}`;
  if (limit === undefined || !isLess(limit, amount)) return undefined;
  return `${least}, but limit is ${limit.toString()}`;
}

/** What speaks against the demand; undefined when neither limit nor request is too much. */
export function aboveMaximum({ type, name, amount }: Bound, demand: Demand): string | undefined {
  const request = demand.requests.get(name);
  const limit = demand.limits.get(name);
  const most = `maximum ${name} usage per ${type} is ${amount.toString()}`;
  if (limit === undefined) return `${most}.  No limit is specified`;
  if (isLess(amount, limit)) return `${most}, but limit is ${limit.toString()}`;
  if (request === undefined || !isLess(amount, request)) return undefined;
  return `${most}, but request is ${request.toString()}`;
}

/** As {@link aboveMaximum}, for what has requests only. */
export function requestAboveMaximum(
  { type, name, amount }: Bound,
  requests: Amounts,
): string | undefined {
  const request = requests.get(name);
  const most = `maximum ${name} usage per ${type} is ${amount.toString()}`;
  if (request === undefined) return `${most}.  No request is specified`;
  return isLess(amount, request) ? `${most}, but request is ${request.toString()}` : undefined;
}

/** What speaks against the demand; undefined when the limit is near enough to the request. */
export function aboveRatio({ type, name, amount }: Bound, demand: Demand): string | undefined {
  const request = demand.requests.get(name) ?? zero;
  const limit = demand.limits.get(name) ?? zero;
  const most = `${name} max limit to request ratio per ${type} is ${amount.toString()}`;
  if (request.isZero()) return `${most}, but no request is specified or request is 0`;
  if (limit.isZero()) return `${most}, but no limit is specified or limit is 0`;
  const ratio = limit.milliValue() / request.milliValue();
  if (ratio * 1000 <= amount.milliValue()) return undefined;
  return `${most}, but provided ratio is ${ratio.toFixed(6)}`;
}

/** Compared in thousandths, rounded up: nobody can ask for less. */
function isLess(left: Quantity, right: Quantity): boolean {
  return left.milliValue() < right.milliValue();
}
