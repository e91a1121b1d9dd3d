import type { Clock } from "#base/clock.ts";
import type { CertificatePair } from "./files.ts";
import { renewalTime } from "./inspect.ts";

/** Certificates live a year: looking once a day also survives clocks that jump. */
const longestSleepMs = 24 * 3_600_000;
const retryMs = 60_000;

/** Keeps one certificate fresh. */
export interface Renewal {
  /** Loads the pair, or makes a new one when it is due; as `Authority.serving` does. */
  readonly load: () => Promise<CertificatePair>;
  /** Hears of each new pair, so that a server can take it into use. */
  readonly renewed: (pair: CertificatePair) => void;
  /** Hears of failures; the renewal is tried again a minute later. */
  readonly failed: (error: unknown) => void;
}

/** Renews `current` each time it is due. Resolves when the signal aborts. */
export async function keepRenewed(
  current: CertificatePair,
  renewal: Renewal,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let pair = current;
  let delay = 0;
  while (!signal.aborted) {
    const due = renewalTime(pair.certificate) - clock.now();
    const wait = Math.max(delay, Math.min(Math.max(due, 0), longestSleepMs));
    if (!(await slept(clock, wait, signal))) return;
    delay = 0;
    if (renewalTime(pair.certificate) > clock.now()) continue;
    try {
      pair = await renewal.load();
      renewal.renewed(pair);
    } catch (error) {
      renewal.failed(error);
      delay = retryMs;
    }
  }
}

/** False when the signal ended the sleep. */
async function slept(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(ms, signal);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
