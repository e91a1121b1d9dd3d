/**
 * The places that the proxy's backends have for endpoints, by backend; undefined for a free one. A
 * place takes another endpoint while the proxy runs; more places need a new generation of it.
 */
export type Slots = ReadonlyMap<string, readonly (string | undefined)[]>;

/** Fewer are not worth a reload when a Deployment grows. */
const slotsMin = 4;

/**
 * Gives each endpoint a place: the one it has, else a free one. A backend grows to the next power of
 * two when it is full, and does not shrink.
 */
export function assignSlots(
  previous: Slots,
  backends: ReadonlyMap<string, { readonly endpoints: readonly string[] }>,
): Slots {
  const assigned = new Map<string, readonly (string | undefined)[]>();
  for (const [id, { endpoints }] of backends) {
    assigned.set(id, placesOf(previous.get(id) ?? [], endpoints));
  }
  return assigned;
}

function placesOf(
  before: readonly (string | undefined)[],
  endpoints: readonly string[],
): (string | undefined)[] {
  const wanted = new Set(endpoints);
  const places = before.map((it) => (it !== undefined && wanted.delete(it) ? it : undefined));
  while (places.length < Math.max(slotsMin, endpoints.length)) {
    const missing = Math.max(slotsMin, places.length);
    places.push(...Array.from({ length: missing }, () => undefined));
  }
  for (const endpoint of wanted) places[places.indexOf(undefined)] = endpoint;
  return places;
}

export interface SlotChange {
  readonly backend: string;
  /** From 0. */
  readonly slot: number;
  /** Undefined: the place becomes free. */
  readonly endpoint: string | undefined;
}

/** What differs; both must have the same backends with the same numbers of places. */
export function slotChanges(previous: Slots, next: Slots): SlotChange[] {
  const changes: SlotChange[] = [];
  for (const [backend, places] of next) {
    const before = previous.get(backend) ?? [];
    for (const [slot, endpoint] of places.entries()) {
      if (before[slot] !== endpoint) changes.push({ backend, slot, endpoint });
    }
  }
  // What comes goes before what leaves, so that no backend is empty in between.
  return changes.toSorted(
    (a, b) => Number(a.endpoint === undefined) - Number(b.endpoint === undefined),
  );
}
