/**
 * Exact resource amounts: `500m`, `1.5Gi`, `1e3`. Upstream: apimachinery `pkg/api/resource`, whose
 * text this reproduces to the character, since clients compare the strings.
 */

/** The family of suffixes that an amount was written in, and is written in again. */
export type QuantityFormat = "DecimalSI" | "BinarySI" | "DecimalExponent";

/** A text that is no quantity. */
export class QuantityError extends Error {
  override readonly name = "QuantityError";
}

/** An immutable amount: `unscaled * 10^scale`. Made by {@link parseQuantity} and its siblings. */
export class Quantity {
  readonly unscaled: bigint;
  readonly scale: number;
  readonly format: QuantityFormat;
  #text: string | undefined;

  /** `text` is given only where it is known to be what {@link toString} must return. */
  constructor(unscaled: bigint, scale: number, format: QuantityFormat, text?: string) {
    this.unscaled = unscaled;
    this.scale = scale;
    this.format = format;
    this.#text = text;
  }

  /** The canonical form: no fraction, the largest suffix that loses nothing. */
  toString(): string {
    this.#text ??= canonicalText(this);
    return this.#text;
  }

  toJSON(): string {
    return this.toString();
  }

  /** -1, 0 or 1. */
  sign(): number {
    return this.unscaled === 0n ? 0 : this.unscaled > 0n ? 1 : -1;
  }

  isZero(): boolean {
    return this.unscaled === 0n;
  }

  /** Whole units, rounded away from zero; exact below 2^53. */
  value(): number {
    return Number(unscaledAt(this, 0));
  }

  /** Thousandths, rounded away from zero; exact below 2^53. */
  milliValue(): number {
    return Number(unscaledAt(this, -3));
  }

  /** -1, 0 or 1, as this is less than, equal to or greater than `other`. */
  compare(other: Quantity): number {
    const [left, right] = aligned(this, other);
    return left === right ? 0 : left < right ? -1 : 1;
  }

  /** The sum, in this format; in the other's when this is zero. */
  add(other: Quantity): Quantity {
    const [left, right, scale] = aligned(this, other);
    return new Quantity(left + right, scale, this.isZero() ? other.format : this.format);
  }

  /** The difference, in this format; in the other's when this is zero. */
  subtract(other: Quantity): Quantity {
    const [left, right, scale] = aligned(this, other);
    return new Quantity(left - right, scale, this.isZero() ? other.format : this.format);
  }
}

/** Distinct texts remembered: a cluster uses few, and hostile ones must not fill the memory. */
const cacheEntriesMax = 4096;
const cacheTextLengthMax = 24;
const cache = new Map<string, Quantity>();

/** @throws {QuantityError} with upstream's message when `text` is no quantity. */
export function parseQuantity(text: string): Quantity {
  const known = cache.get(text);
  if (known !== undefined) return known;
  const parsed = parse(text);
  if (text.length <= cacheTextLengthMax) {
    if (cache.size >= cacheEntriesMax) dropOldest();
    cache.set(text, parsed);
  }
  return parsed;
}

/** As {@link parseQuantity}; undefined when `text` is no quantity. */
export function findQuantity(text: string): Quantity | undefined {
  try {
    return parseQuantity(text);
  } catch (error) {
    if (error instanceof QuantityError) return undefined;
    throw error;
  }
}

export function isValidQuantity(text: string): boolean {
  return findQuantity(text) !== undefined;
}

/**
 * The text that is stored for a quantity on the wire, where a bare number is allowed too.
 * @throws {QuantityError} when the value is no quantity.
 */
export function canonicalQuantity(value: string | number): string {
  return parseQuantity(typeof value === "number" ? String(value) : value.trim()).toString();
}

/** So many whole units. @throws {RangeError} when `units` is not an integer. */
export function quantityOf(units: number, format: QuantityFormat): Quantity {
  return new Quantity(BigInt(units), 0, format);
}

/** So many thousandths. @throws {RangeError} when `millis` is not an integer. */
export function quantityOfMillis(millis: number, format: QuantityFormat): Quantity {
  return new Quantity(BigInt(millis), -3, format);
}

const nanoScale = -9;
const maxInt64 = 2n ** 63n - 1n;
/** Digits that upstream parses as an int64, which decides whether it keeps the text as written. */
const int64Digits = 18;
/** Upstream has no bound and computes 10 to this power; nobody means such an amount. */
const exponentMax = 10_000;

const shape = /^([+-]?)0*([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)$/;

interface Suffix {
  readonly base: 2 | 10;
  readonly exponent: number;
  readonly format: QuantityFormat;
}

const decimalSuffixes = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const binarySuffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const suffixes: ReadonlyMap<string, Suffix> = new Map<string, Suffix>([
  ...binarySuffixes.map((it, i): [string, Suffix] => [
    it,
    { base: 2, exponent: 10 * i, format: "BinarySI" },
  ]),
  ...decimalSuffixes.map((it, i): [string, Suffix] => [
    it,
    { base: 10, exponent: 3 * (i - 3), format: "DecimalSI" },
  ]),
]);

function dropOldest(): void {
  for (const oldest of cache.keys()) {
    cache.delete(oldest);
    return;
  }
}

interface Parts {
  readonly text: string;
  readonly negative: boolean;
  /** Digits before the point without leading zeros, `0` when there are none. */
  readonly whole: string;
  readonly fraction: string;
  /** Upstream's slow path refuses a number without any digit, its fast path takes it for zero. */
  readonly hasDigits: boolean;
  readonly suffix: Suffix;
}

function parse(text: string): Quantity {
  const parts = split(text);
  const { suffix, fraction } = parts;
  const digits = parts.whole + fraction;
  const fast = isFast(parts);
  if (!fast && !parts.hasDigits)
    throw new QuantityError("unable to parse numeric part of quantity");
  let unscaled = BigInt(digits);
  let scale = -fraction.length;
  let format = suffix.format;
  if (suffix.base === 2) unscaled <<= BigInt(suffix.exponent);
  else scale += suffix.exponent;
  if (scale < nanoScale) {
    unscaled = divideAwayFromZero(unscaled, nanoScale - scale);
    scale = nanoScale;
  }
  if (format === "BinarySI") {
    const one = 10n ** BigInt(-scale);
    if (unscaled > maxInt64 * one) [unscaled, scale] = [maxInt64, 0];
    if (unscaled > 0n && unscaled < one) format = "DecimalSI";
  }
  const kept = fast && keepsText(parts, scale) ? text : undefined;
  return new Quantity(parts.negative ? -unscaled : unscaled, scale, format, kept);
}

function split(text: string): Parts {
  const found = text === "" ? null : shape.exec(text);
  if (found === null) {
    throw new QuantityError(
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    );
  }
  const [, sign = "", whole = "", fraction = "", suffixText = ""] = found;
  const suffix = suffixes.get(suffixText) ?? exponentSuffix(suffixText);
  if (suffix === undefined) throw new QuantityError("unable to parse quantity's suffix");
  return {
    text,
    negative: sign === "-",
    whole: whole === "" ? "0" : whole,
    fraction,
    hasDigits: /[0-9]/.test(text.slice(0, text.length - suffixText.length)),
    suffix,
  };
}

function exponentSuffix(text: string): Suffix | undefined {
  if (!/^[eE][-+]?[0-9]+$/.test(text)) return undefined;
  const exponent = Number(text.slice(1));
  if (Math.abs(exponent) > exponentMax) return undefined;
  return { base: 10, exponent, format: "DecimalExponent" };
}

/** Whether upstream's int64 path takes the number. */
function isFast(parts: Parts): boolean {
  const { suffix, whole, fraction } = parts;
  if (suffix.base === 10) {
    const fits = whole.length + fraction.length <= int64Digits;
    return fits && suffix.exponent - fraction.length >= nanoScale;
  }
  const precision = 15 - whole.length - Math.floor((suffix.exponent * 3) / 10) - 1;
  return fraction === "" && precision >= 0;
}

/**
 * On its int64 path upstream keeps a text that it takes for canonical, although the test is loose:
 * `1.500` and `+1` stay as they are.
 */
function keepsText(parts: Parts, scale: number): boolean {
  const digits = parts.whole + parts.fraction;
  if (parts.suffix.base === 2) return (BigInt(digits) & 7n) !== 0n;
  return scale % 3 === 0 && !digits.endsWith("000") && !digits.startsWith("0");
}

function canonicalText(it: Quantity): string {
  if (it.unscaled === 0n) return "0";
  if (it.format === "BinarySI") {
    const whole = unscaledAt(it, 0);
    const isExact = it.scale >= 0 || whole * 10n ** BigInt(-it.scale) === it.unscaled;
    if (isExact && (whole <= -1024n || whole >= 1024n)) {
      const [amount, times] = removeFactors(whole, 1024n);
      return `${amount}${binarySuffixes[times] ?? ""}`;
    }
  }
  const [stripped, times] = removeFactors(it.unscaled, 10n);
  const zeros = it.scale + times;
  const exponent = Math.floor(zeros / 3) * 3;
  const amount = stripped * 10n ** BigInt(zeros - exponent);
  if (it.format === "DecimalExponent")
    return exponent === 0 ? `${amount}` : `${amount}e${exponent}`;
  return `${amount}${decimalSuffixes[exponent / 3 + 3] ?? ""}`;
}

/** The amount in units of `10^scale`, rounded away from zero. */
function unscaledAt(it: Quantity, scale: number): bigint {
  if (it.scale >= scale) return it.unscaled * 10n ** BigInt(it.scale - scale);
  return divideAwayFromZero(it.unscaled, scale - it.scale);
}

function divideAwayFromZero(dividend: bigint, powerOfTen: number): bigint {
  const divisor = 10n ** BigInt(powerOfTen);
  const quotient = dividend / divisor;
  if (quotient * divisor === dividend) return quotient;
  return dividend > 0n ? quotient + 1n : quotient - 1n;
}

function removeFactors(value: bigint, factor: bigint): [bigint, number] {
  let rest = value;
  let times = 0;
  while (rest !== 0n && rest % factor === 0n) {
    rest /= factor;
    times++;
  }
  return [rest, times];
}

/** Both amounts in the smaller unit of the two, and that unit's power of ten. */
function aligned(left: Quantity, right: Quantity): [bigint, bigint, number] {
  const scale = Math.min(left.scale, right.scale);
  return [unscaledAt(left, scale), unscaledAt(right, scale), scale];
}
