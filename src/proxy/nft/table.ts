import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { Waiters } from "#client/waiters.ts";
import type { TableMetrics } from "#proxy/metrics.ts";
import { Ledger } from "./ledger.ts";
import type { Nft } from "./nft.ts";
import { renderChange, renderRemoval, type TableText } from "./render.ts";

export interface TableOptions {
  readonly table: TableText;
  readonly nft: Nft;
  readonly clock: Clock;
  readonly log: Logger;
  /** Puts into the ledger what changed since it was asked last; asked before each transaction. */
  readonly plan: (ledger: Ledger) => void;
  /** Called when the kernel has what was planned; handles its failures itself. */
  readonly applied?: ((signal: AbortSignal) => Promise<void>) | undefined;
  readonly metrics?: TableMetrics | undefined;
}

/** Changes that come within this time go into one transaction. */
const gatherMs = 20;
/** From the end of one transaction to the start of the next, at least: nft reads the table first. */
const pauseMs = 100;

/**
 * A table of nftables that follows a plan: built whole at the start, then changed by one transaction
 * for all that changed meanwhile.
 */
export class NftTable {
  readonly #options: TableOptions;
  readonly #ledger = new Ledger();
  readonly #waiters = new Waiters();
  readonly #backoff = new Backoff<string>({ initialMs: 200, maxMs: 30_000 });
  #isDirty = true;

  constructor(options: TableOptions) {
    this.#options = options;
  }

  /** Something changed: `plan` is asked soon. */
  touch(): void {
    this.#isDirty = true;
    this.#waiters.check();
  }

  /** Applies changes until the signal aborts. The table stays as it is then. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#waiters.until(() => this.#isDirty, signal);
        await clock.sleep(gatherMs, signal);
        await this.#flush(signal);
        this.#backoff.succeed("");
        await clock.sleep(pauseMs, signal);
      } catch (error) {
        if (isAborted(signal)) return;
        this.#options.metrics?.failed();
        this.#ledger.forget();
        this.#isDirty = true;
        const afterMs = this.#backoff.fail("");
        log.error("rules not applied; the table will be built anew", {
          table: this.#options.table.name,
          afterMs,
          error: error instanceof Error ? error : new Error(String(error)),
        });
        await clock.sleep(afterMs, signal).catch(() => undefined); // Aborted: the loop ends.
      }
    }
  }

  async #flush(signal: AbortSignal): Promise<void> {
    const { table, nft, plan, applied, clock, metrics } = this.#options;
    const since = clock.monotonic();
    this.#isDirty = false;
    plan(this.#ledger);
    const change = this.#ledger.take();
    if (change !== undefined) await nft.apply(renderChange(table, change), signal);
    metrics?.applied((clock.monotonic() - since) / 1_000);
    await applied?.(signal);
  }
}

/** No table is success. */
export async function removeTable(nft: Nft, name: string, signal: AbortSignal): Promise<void> {
  await nft.apply(renderRemoval(name), signal);
}

/** The compiler takes a signal that the loop looked at for one that stays as it was. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
