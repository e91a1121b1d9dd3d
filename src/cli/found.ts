import { isStatus } from "#api/status.ts";

/** Undefined when there is none. */
export async function found<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}
