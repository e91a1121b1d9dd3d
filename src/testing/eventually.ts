import { setTimeout } from "node:timers/promises";

/**
 * Asks again and again until `attempt` does not throw, and resolves with what it returns. Fails
 * with its last error after `timeoutMs`: for states that other parts of the program bring about.
 */
export async function eventually<T>(attempt: () => T | Promise<T>, timeoutMs = 10_000): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await setTimeout(5);
  }
}
