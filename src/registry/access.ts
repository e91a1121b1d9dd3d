import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { Exchange } from "./http/exchange.ts";
import { Refusal } from "./http/refusal.ts";

/** As in the scopes of Docker's tokens. */
export type Action = "pull" | "push" | "delete";

/** Who asks. */
export interface Caller {
  /** Empty for a client that says nothing of itself. */
  readonly name: string;
  /** It showed a token, which may be for something else: another one may do. */
  readonly hasToken: boolean;
  allows(action: Action, repository: string): boolean;
}

/** Decides who may do what. */
export interface Gate {
  /** @throws {Refusal} for credentials that are wrong. */
  identify(request: IncomingMessage): Promise<Caller>;
  /** The header that asks for credentials: `www-authenticate`. */
  challenge(request: IncomingMessage, wanted: Wanted | undefined): OutgoingHttpHeaders;
  /** Whether `/v2/` asks for credentials though pulls do not: clients learn there how to log in. */
  readonly asksAll: boolean;
  /** Answers `/token`; undefined where there are no tokens. */
  readonly serveToken: ((exchange: Exchange) => Promise<void>) | undefined;
}

export interface Wanted {
  readonly repository: string;
  readonly actions: readonly Action[];
}

/** @throws {Refusal} 401 for a client that may show who it is, or what else; 403 for others. */
export function requireAccess(
  gate: Gate,
  caller: Caller,
  request: IncomingMessage,
  wanted: Wanted,
): void {
  const { repository, actions } = wanted;
  if (actions.every((it) => caller.allows(it, repository))) return;
  if (caller.name === "" || caller.hasToken) throw unauthorized(gate, request, wanted);
  const message = `${caller.name} may not ${actions.join(" and ")} in ${repository}`;
  throw new Refusal(403, "DENIED", message);
}

export function unauthorized(
  gate: Gate,
  request: IncomingMessage,
  wanted: Wanted | undefined,
): Refusal {
  const headers = gate.challenge(request, wanted);
  return new Refusal(401, "UNAUTHORIZED", "authentication required", { headers });
}

/** Everyone may do what `actions` says, and nobody more. For a node's own containerd. */
export function openGate(actions: readonly Action[]): Gate {
  const caller: Caller = {
    name: "",
    hasToken: false,
    allows: (action) => actions.includes(action),
  };
  return {
    identify: () => Promise.resolve(caller),
    challenge: () => ({ "www-authenticate": 'Basic realm="registry"' }),
    asksAll: false,
    serveToken: undefined,
  };
}
