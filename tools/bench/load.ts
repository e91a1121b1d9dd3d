/** What a load does; paths are of the API. */
export type Load =
  /** `count` requests, `inFlight` at a time, over one connection. */
  | { readonly kind: "get"; readonly count: number; readonly inFlight: number }
  | { readonly kind: "createPods"; readonly count: number; readonly inFlight: number }
  /** Creates pods, and ends when a watch has shown all of them bound. */
  | { readonly kind: "createUntilBound"; readonly count: number; readonly inFlight: number }
  /** Reads a list `count` times; 0: until killed. */
  | { readonly kind: "list"; readonly count: number; readonly path: string }
  /** Holds watches open from `revision` on until they brought `events` each, or for `seconds`. */
  | {
      readonly kind: "watch";
      readonly watchers: number;
      readonly revision: number;
      readonly events: number;
      readonly seconds: number;
    };
