import type { Page } from "#images/store/image-store.ts";
import { Refusal } from "./refusal.ts";

/** Names in an answer, unless the client asks for fewer. */
const pageMax = 1_000;

/** `n` and `last` of a list. @throws {Refusal} for an `n` that is no number. */
export function parsePage(query: URLSearchParams): Page {
  const after = query.get("last") ?? undefined;
  const text = query.get("n");
  if (text === null) return { after, limit: pageMax };
  if (!/^\d{1,9}$/.test(text)) {
    throw new Refusal(400, "PAGINATION_NUMBER_INVALID", `n is no number of entries: '${text}'`);
  }
  return { after, limit: Math.min(Number(text), pageMax) };
}

/** One page of what was listed with a limit that is greater by one, and the link to the next. */
export function pageOf<T>(
  found: readonly T[],
  page: Page,
  at: { readonly path: string; readonly nameOf: (item: T) => string; readonly query?: string },
): { readonly items: readonly T[]; readonly link: string | undefined } {
  const items = found.slice(0, page.limit);
  const last = items.at(-1);
  if (found.length <= page.limit || last === undefined) return { items, link: undefined };
  const query = new URLSearchParams(at.query);
  query.set("n", String(page.limit));
  query.set("last", at.nameOf(last));
  return { items, link: `<${at.path}?${query.toString()}>; rel="next"` };
}
