/** Without the fields that are undefined. */
export function present<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, it]) => it !== undefined)) as T;
}
