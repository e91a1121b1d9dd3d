import { setTimeout } from "node:timers/promises";

const askPauseMs = 250;
const answerMsMax = 20_000;

/**
 * Asks again and again until `attempt` does not throw, and resolves with what it returns. Fails
 * with its last error after `timeoutMs`: for states that other parts of the program bring about.
 */
export async function eventually<T>(
  attempt: () => T | Promise<T>,
  timeoutMs = 10_000,
  pauseMs = 5,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await setTimeout(pauseMs);
  }
}

/**
 * Asks four times a second until the answer matches, and resolves with it: for what a program says
 * of states that come about. Fails with the last answer. The time that asking takes is not counted
 * in `seconds`, so that a busy machine gets as many tries.
 */
export async function eventuallySays(
  ask: () => string,
  wanted: RegExp,
  seconds = 60,
): Promise<string> {
  let last = "";
  for (let tries = 0; tries < (seconds * 1000) / askPauseMs; tries++) {
    last = ask();
    if (wanted.test(last)) return last;
    await setTimeout(askPauseMs);
  }
  throw new Error(`wanted ${String(wanted)}, last saw: ${last}`);
}

/** Asks, within 20 s, until the answer is as wanted; fails with the last one seen. */
export async function eventuallyAnswers<T>(
  ask: () => Promise<T>,
  wanted: (answer: T) => boolean,
): Promise<NonNullable<T>> {
  const until = performance.now() + answerMsMax;
  for (let wait = 2; ; wait = Math.min(wait * 1.5, 100)) {
    const answer = await ask();
    if (answer != null && wanted(answer)) return answer;
    if (performance.now() > until) {
      throw new Error(`not within ${answerMsMax} ms; the last answer: ${JSON.stringify(answer)}`);
    }
    await setTimeout(wait);
  }
}
