/**
 * Resolves in the next turn of the event loop, after the input that waits now was handled. Long
 * work in slices awaits this between them.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
