import { EVENT_ID, getScalarValue, SCALAR_STYLE, type Event } from "js-yaml";

/** Where the values of a file stand: `line:column`, from 1, by paths such as `services.web.ports[0]`. */
export type Places = ReadonlyMap<string, string>;

/**
 * Finds the places of one document: keys for what is in mappings, values for what is in lists. What
 * aliases and merge keys copy has none. @param at the event after the document's own.
 */
export function placesOf(text: string, events: readonly Event[], at: number): Places {
  const walk = new Walk(text, events, at);
  walk.value("");
  return walk.places;
}

/** Of the value, or of the nearest one around it that has a place. */
export function placeOf<T>(places: ReadonlyMap<string, T>, path: string): T | undefined {
  for (
    let at = path;
    at !== "";
    at = at.slice(0, Math.max(at.lastIndexOf("."), at.lastIndexOf("[")))
  ) {
    const found = places.get(at);
    if (found !== undefined) return found;
    if (!/[.[]/.test(at)) return undefined;
  }
  return undefined;
}

class Walk {
  readonly places = new Map<string, string>();
  readonly #text: string;
  readonly #events: readonly Event[];
  readonly #lines: readonly number[];
  #at: number;

  constructor(text: string, events: readonly Event[], at: number) {
    this.#text = text;
    this.#events = events;
    this.#at = at;
    this.#lines = [0, ...[...text.matchAll(/\n/g)].map((it) => it.index + 1)];
  }

  /** Walks one value; undefined as the path: what is in it has no places. */
  value(path: string | undefined): void {
    const event = this.#events[this.#at++];
    if (event?.type === EVENT_ID.SEQUENCE) {
      for (let index = 0; !this.#atEnd(); index++) {
        const inner = path === undefined ? undefined : `${path}[${index}]`;
        this.#remember(inner);
        this.value(inner);
      }
      this.#at++;
    } else if (event?.type === EVENT_ID.MAPPING) {
      while (!this.#atEnd()) {
        const key = this.#keyBelow(path);
        this.#remember(key);
        this.value(undefined);
        this.value(key);
      }
      this.#at++;
    }
  }

  #atEnd(): boolean {
    const event = this.#events[this.#at];
    return event === undefined || event.type === EVENT_ID.POP;
  }

  #keyBelow(path: string | undefined): string | undefined {
    const event = this.#events[this.#at];
    if (path === undefined || event?.type !== EVENT_ID.SCALAR) return undefined;
    const key = getScalarValue(this.#text, event);
    if (key === "<<") return undefined;
    return path === "" ? key : `${path}.${key}`;
  }

  #remember(path: string | undefined): void {
    if (path === undefined || this.places.has(path)) return;
    const offset = startOf(this.#events[this.#at]);
    if (offset === undefined) return;
    const line = this.#lineOf(offset);
    this.places.set(path, `${line + 1}:${offset - (this.#lines[line] ?? 0) + 1}`);
  }

  /** The last line that begins at or before the offset, from 0. */
  #lineOf(offset: number): number {
    let [low, high] = [0, this.#lines.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#lines[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

const quotes: readonly number[] = [SCALAR_STYLE.DOUBLE_QUOTED, SCALAR_STYLE.SINGLE_QUOTED];

function startOf(event: Event | undefined): number | undefined {
  if (event === undefined) return undefined;
  if (event.type === EVENT_ID.SCALAR) {
    return event.valueStart - (quotes.includes(event.style) ? 1 : 0);
  }
  if (event.type === EVENT_ID.ALIAS) return event.anchorStart;
  const isCollection = event.type === EVENT_ID.SEQUENCE || event.type === EVENT_ID.MAPPING;
  return isCollection ? event.start : undefined;
}
