/** Waits for a state. @throws {Error} when it does not come about in time. */
export async function until(
  holds: () => Promise<boolean>,
  everyMs: number,
  patienceMs = 300_000,
): Promise<void> {
  const limit = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > limit) throw new Error(`not within ${patienceMs / 1_000} s`);
    await new Promise((done) => setTimeout(done, everyMs));
  }
}
