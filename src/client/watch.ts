/**
 * List-then-watch as a state machine: {@link nextState} says what to do after each input, and
 * `informer.ts` does it. The states, and what each holds:
 *
 * - `listing`: reading the present objects page by page, at one revision;
 * - `initial`: receiving the present objects at the head of a watch (WatchList, KEP-3157);
 * - `watching`: receiving changes after `resourceVersion`;
 * - `waiting`: the last attempt failed; after a pause, `then`.
 */
export type WatchState = {
  /** Consecutive failures; reset by progress. Sets the length of the pause. */
  readonly failures: number;
  /** The server sends initial events. False after it refused once. */
  readonly watchList: boolean;
} & (
  | { readonly kind: "listing"; readonly continueToken: string }
  | { readonly kind: "initial" }
  | { readonly kind: "watching"; readonly resourceVersion: string }
  | { readonly kind: "waiting"; readonly then: "restart" }
  | { readonly kind: "waiting"; readonly then: "resume"; readonly resourceVersion: string }
);

export type WatchInput =
  /** A page arrived. An empty token: it was the last. */
  | { readonly kind: "page"; readonly resourceVersion: string; readonly continueToken: string }
  /** The bookmark that ends the initial events arrived. */
  | { readonly kind: "initial-end"; readonly resourceVersion: string }
  /** An event or a bookmark arrived. */
  | { readonly kind: "progress"; readonly resourceVersion: string }
  /** The server ended the watch without an error. */
  | { readonly kind: "ended" }
  /** The revision, or the continue token, is too old. */
  | { readonly kind: "expired" }
  /** The server does not know initial events. */
  | { readonly kind: "unsupported" }
  | { readonly kind: "failed" }
  /** The pause is over. */
  | { readonly kind: "waited" };

export function startWatch(watchList: boolean): WatchState {
  return watchList
    ? { kind: "initial", failures: 0, watchList }
    : { kind: "listing", continueToken: "", failures: 0, watchList };
}

/** Pure; total: an input that does not fit the state restarts the machine after a pause. */
export function nextState(state: WatchState, input: WatchInput): WatchState {
  const { failures, watchList } = state;
  switch (input.kind) {
    case "page":
      if (input.continueToken !== "") {
        return { ...state, kind: "listing", continueToken: input.continueToken, failures: 0 };
      }
      return watching(input.resourceVersion, watchList);
    case "initial-end":
      return watching(input.resourceVersion, watchList);
    case "progress":
      if (state.kind !== "watching") return state;
      return watching(input.resourceVersion, watchList);
    case "ended":
    case "failed":
      if (state.kind === "watching") return pause(state, state.resourceVersion);
      return pause(state, undefined);
    case "expired":
      return pause(state, undefined);
    case "unsupported":
      return { kind: "listing", continueToken: "", failures, watchList: false };
    case "waited":
      if (state.kind !== "waiting") return state;
      if (state.then === "resume") {
        return { kind: "watching", resourceVersion: state.resourceVersion, failures, watchList };
      }
      return { ...startWatch(watchList), failures };
  }
}

/** How long to pause, in milliseconds: 100 ms doubling to `maxMs`, times 1 to 2 by `random01`. */
export function pauseMs(failures: number, random01: number, maxMs = 30_000): number {
  // The first end of a long watch is normal: go on at once.
  if (failures <= 1) return 0;
  return Math.min(100 * 2 ** (failures - 2), maxMs) * (1 + random01);
}

function watching(resourceVersion: string, watchList: boolean): WatchState {
  return { kind: "watching", resourceVersion, failures: 0, watchList };
}

function pause(state: WatchState, resourceVersion: string | undefined): WatchState {
  const rest = {
    kind: "waiting",
    failures: state.failures + 1,
    watchList: state.watchList,
  } as const;
  if (resourceVersion === undefined) return { ...rest, then: "restart" };
  return { ...rest, then: "resume", resourceVersion };
}
