import type { TaskModel } from "#dag/model/model.ts";

const backoffMaxMs = 86_400_000;

/**
 * How long after its end a failed task is tried again, in milliseconds. With back-off it doubles from
 * try to try and is spread over one doubling, by a number that is the same for the same try of the
 * same task instance. As Airflow's `next_retry_datetime`.
 * @param key names the task instance. @param tryNumber of the try that failed, from 1.
 */
export function retryDelayMs(
  task: Pick<TaskModel, "retryDelayMs" | "retryExponentialBackoff" | "maxRetryDelayMs">,
  key: string,
  tryNumber: number,
): number {
  let delayMs = task.retryDelayMs;
  if (task.retryExponentialBackoff) {
    const least = Math.max(1, Math.ceil((task.retryDelayMs / 1_000) * 2 ** (tryNumber - 1)));
    const spread = Number.isSafeInteger(least) ? hash(`${key}#${tryNumber}`) % least : 0;
    delayMs = Math.min((least + spread) * 1_000, backoffMaxMs);
    if (task.maxRetryDelayMs !== undefined) delayMs = Math.min(delayMs, task.maxRetryDelayMs);
  }
  return delayMs;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  }
  return value >>> 0;
}
