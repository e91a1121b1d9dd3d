import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { ImageFacts } from "#containers/options.ts";

/** What running containers needs of the machine; `main` gives it. */
export interface RunPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Bytes for ids, which nobody may guess. */
  randomHex(bytes: number): string;
  environment(name: string): string | undefined;
  /** @throws {Error} when there is no such file. */
  readText(path: string): Promise<string>;
  resolvePath(path: string): string;
  exists(path: string): boolean;
  /**
   * What the local image store has under a name: undefined when it has none, or there is no store.
   */
  image(name: string): Promise<ImageFacts | undefined>;
  /** Calls back for each signal that this process is sent; returns what ends that. */
  onSignal(listener: (signal: string) => void): () => void;
}
