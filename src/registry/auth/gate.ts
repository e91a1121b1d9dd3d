import { createHash, type X509Certificate } from "node:crypto";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { TLSSocket } from "node:tls";
import type { Clock } from "#base/clock.ts";
import { unauthorized, type Caller, type Gate, type Wanted } from "#registry/access.ts";
import { answerJson, type Exchange } from "#registry/http/exchange.ts";
import { Refusal } from "#registry/http/refusal.ts";
import { everything, isGranted, pullEverything, type Grant } from "./grants.ts";
import { isPassword } from "./password.ts";
import { formatScope, parseScopes } from "./scope.ts";
import { TokenSigner, type TokenAccess } from "./tokens.ts";
import type { UsersFile } from "./users-file.ts";

/** Long enough for the layers of one push or pull to begin; a client asks for another then. */
const tokenMs = 15 * 60_000;
/** A password is derived again after so long; deriving takes some 60 ms of a core. */
const provenMs = 5 * 60_000;
const provenMax = 1_000;
/** Passwords derived at a time: each takes 32 MiB. */
const derivationsMax = 8;
const formBytesMax = 64 * 1_024;

export interface GateOptions {
  /** `basic` cannot be had together with pulls by Docker's client that say no name. */
  readonly scheme: "basic" | "token";
  readonly users: UsersFile;
  readonly anonymousPull: boolean;
  /** What organisations of client certificates may do; those of a cluster's authority. */
  readonly organizations: Readonly<Record<string, readonly Grant[]>>;
  readonly clock: Clock;
}

/** What a cluster's own certificates may do: administrators all, nodes pull. */
export const clusterOrganizations: Readonly<Record<string, readonly Grant[]>> = {
  "system:masters": everything,
  "system:nodes": pullEverything,
};

/**
 * Believes client certificates, passwords (HTTP Basic) and tokens, which it gives for passwords at
 * `/token` as Docker's registry does: distribution `docs/content/spec/auth/token.md`.
 */
export class CredentialGate implements Gate {
  readonly #options: GateOptions;
  readonly #tokens = new TokenSigner();
  /** Hashes of names and passwords that were right, and until when they count. */
  readonly #proven = new Map<string, number>();
  #derivations = 0;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  get asksAll(): boolean {
    return true;
  }

  async identify(request: IncomingMessage): Promise<Caller> {
    const certified = this.#certified(request);
    if (certified !== undefined) return certified;
    const [scheme = "", credentials = ""] = (request.headers.authorization ?? "").split(" ");
    if (scheme.toLowerCase() === "bearer") return this.#bearer(request, credentials);
    if (scheme.toLowerCase() !== "basic") return this.#anonymous();
    return await this.#basic(request, Buffer.from(credentials, "base64").toString());
  }

  challenge(request: IncomingMessage, wanted: Wanted | undefined): OutgoingHttpHeaders {
    if (this.#options.scheme === "basic") return { "www-authenticate": 'Basic realm="registry"' };
    const isTls = request.socket instanceof TLSSocket;
    const host = /^[\w.:[\]-]+$/.exec(request.headers.host ?? "")?.[0] ?? "localhost";
    const realm = `${isTls ? "https" : "http"}://${host}/token`;
    const scope = wanted === undefined ? "" : `,scope="${formatScope(wanted)}"`;
    return { "www-authenticate": `Bearer realm="${realm}",service="registry"${scope}` };
  }

  /** GET with HTTP Basic, or POST of a form as OAuth 2 has it. */
  readonly serveToken = async (exchange: Exchange): Promise<void> => {
    const { request, method } = exchange;
    const form = method === "POST" ? await readForm(request) : exchange.query;
    const caller =
      form.get("grant_type") === "password"
        ? await this.#basic(request, `${form.get("username") ?? ""}:${form.get("password") ?? ""}`)
        : await this.identify(request);
    if (form.get("grant_type") === "refresh_token") {
      throw new Refusal(400, "UNSUPPORTED", "refresh tokens are not given here");
    }
    const access = parseScopes(form.getAll("scope")).map(({ repository, actions }): TokenAccess => {
      return { repository, actions: actions.filter((it) => caller.allows(it, repository)) };
    });
    const now = this.#options.clock.now();
    const token = this.#tokens.sign({ subject: caller.name, access, expiresAt: now + tokenMs });
    answerJson(exchange, {
      token,
      access_token: token,
      expires_in: tokenMs / 1_000,
      issued_at: new Date(now).toISOString(),
    });
  };

  #certified({ socket }: IncomingMessage): Caller | undefined {
    if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
    const raw = socket.getPeerX509Certificate();
    if (raw === undefined) return undefined;
    const { name, organizations } = subjectOf(raw);
    const grants = organizations.flatMap((it) => this.#options.organizations[it] ?? []);
    return grants.length === 0 ? undefined : callerOf(name, grants);
  }

  async #basic(request: IncomingMessage, credentials: string): Promise<Caller> {
    const colon = credentials.indexOf(":");
    const name = credentials.slice(0, Math.max(colon, 0));
    const password = credentials.slice(colon + 1);
    // Clients without credentials send two empty ones where they are asked for Basic.
    if (name === "" && password === "") return this.#anonymous();
    const user = await this.#options.users.find(name);
    const isRight =
      user !== undefined && (await this.#isPassword(name, password, user.passwordHash));
    if (!isRight) throw unauthorized(this, request, undefined);
    return callerOf(name, user.grants);
  }

  async #isPassword(name: string, password: string, hash: string): Promise<boolean> {
    const { clock } = this.#options;
    const proof = createHash("sha256")
      .update(JSON.stringify([name, password, hash]))
      .digest("hex");
    if ((this.#proven.get(proof) ?? 0) > clock.monotonic()) return true;
    if (this.#derivations >= derivationsMax) {
      const headers = { "retry-after": "1" };
      throw new Refusal(429, "TOOMANYREQUESTS", "too many logins at a time", { headers });
    }
    this.#derivations++;
    try {
      if (!(await isPassword(password, hash))) return false;
    } finally {
      this.#derivations--;
    }
    if (this.#proven.size >= provenMax) this.#proven.clear();
    this.#proven.set(proof, clock.monotonic() + provenMs);
    return true;
  }

  #bearer(request: IncomingMessage, token: string): Caller {
    const content = this.#tokens.verify(token, this.#options.clock.now());
    if (content === undefined) throw unauthorized(this, request, undefined);
    const allows: Caller["allows"] = (action, repository) =>
      content.access.some((it) => it.repository === repository && it.actions.includes(action)) ||
      this.#anonymous().allows(action, repository);
    return { name: content.subject, allows, hasToken: true };
  }

  #anonymous(): Caller {
    return callerOf("", this.#options.anonymousPull ? pullEverything : []);
  }
}

function callerOf(name: string, grants: readonly Grant[]): Caller {
  return {
    name,
    hasToken: false,
    allows: (action, repository) => isGranted(grants, action, repository),
  };
}

function subjectOf(certificate: X509Certificate): {
  readonly name: string;
  readonly organizations: readonly string[];
} {
  const lines = certificate.subject.split("\n");
  const of = (field: string): string[] =>
    lines.filter((it) => it.startsWith(`${field}=`)).map((it) => it.slice(field.length + 1));
  return { name: of("CN")[0] ?? "certificate", organizations: of("O") };
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += (chunk as Buffer).length;
    if (bytes > formBytesMax) throw new Refusal(413, "DENIED", "the form is too large");
    chunks.push(chunk as Buffer);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString());
}
