import type { JsonObject } from "#api/object.ts";
import type { Resource } from "#api/resource.ts";

/** Who asks. Built by authentication, read by authorization and admission. */
export interface UserInfo {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** What a connection and its headers say about the caller. */
export interface Credentials {
  /** Subject of a client certificate that chains to our client CA; undefined without one. */
  readonly certificate:
    { readonly commonName: string; readonly organizations: readonly string[] } | undefined;
  /** Value of the Authorization header. */
  readonly authorization: string | undefined;
}

/** `Impersonate-*` headers, lower-case. */
export type ImpersonationHeaders = Readonly<Record<string, string | readonly string[]>>;

export interface Authenticator {
  /**
   * Resolves with the user; anonymous callers are `system:anonymous` in `system:unauthenticated`.
   * @throws {StatusError} 401 for credentials that are present and wrong.
   */
  authenticate(credentials: Credentials, signal: AbortSignal): Promise<UserInfo>;
  /**
   * The user to act as: the caller, or whom the headers name.
   * @throws {StatusError} 403 for whom the caller may not impersonate, 400 for headers without sense.
   */
  impersonate(caller: UserInfo, headers: ImpersonationHeaders): UserInfo;
}

/** The question of authorization; upstream `authorization/authorizer.Attributes`. */
export interface Attributes {
  readonly user: UserInfo;
  /** Kubernetes' verbs for resources (`list`), HTTP's in lower case for other paths (`get`). */
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  /** Empty for requests that are not about a resource. */
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  /** For list, watch and deletecollection: the value of a `metadata.name=` field selector. */
  readonly name: string;
  readonly path: string;
  /** As it stands in the query of a list, watch or deletecollection; undefined without one. */
  readonly fieldSelector?: string | undefined;
}

export interface Decision {
  readonly allowed: boolean;
  /** For the message of the 403, empty when there is nothing to add. */
  readonly reason: string;
}

/** Synchronous: decided from objects in memory. */
export interface Authorizer {
  authorize(attributes: Attributes): Decision;
}

/** One write on its way to the store. */
export interface AdmissionRequest {
  readonly user: UserInfo;
  readonly operation: "CREATE" | "UPDATE" | "DELETE" | "CONNECT";
  readonly resource: Resource;
  readonly subresource: string;
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  /** Empty before a generated name exists. */
  readonly name: string;
  /** Absent on DELETE. Mutating admission changes it in place. */
  readonly object: JsonObject | undefined;
  /** Absent on CREATE. */
  readonly previous: JsonObject | undefined;
  readonly dryRun: boolean;
  /**
   * The same for each attempt at one write: an update is judged again when another was faster, and
   * what it was charged for must not be charged twice.
   */
  readonly write?: object | undefined;
  /** Adds a `Warning` header to the response; absent where nobody would read it. */
  readonly warn?: ((text: string) => void) | undefined;
  /** Adds an annotation to the request in the audit log; absent where it is not recorded. */
  readonly annotate?: Annotate | undefined;
}

/** Takes a fact for the audit log; the first that is said of a key stays. */
export type Annotate = (key: string, value: string) => void;

/**
 * One admission rule. `mutate` runs for all rules before `validate` runs for all.
 * @throws {StatusError} to refuse, usually 403 Forbidden.
 */
export interface AdmissionRule {
  readonly name: string;
  mutate?(request: AdmissionRequest, signal: AbortSignal): Promise<void> | void;
  validate?(request: AdmissionRequest, signal: AbortSignal): Promise<void> | void;
}

/**
 * Objects that the server itself must know (roles, service accounts, namespaces), read from its
 * caches. What it returns is frozen and shared.
 */
export interface ObjectSource {
  get(resource: string, group: string, namespace: string, name: string): JsonObject | undefined;
  /** All of a kind, or of one namespace of it. */
  list(resource: string, group: string, namespace?: string): readonly JsonObject[];
  /** The pods bound to a node. */
  podsOnNode(node: string): readonly JsonObject[];
  /** Called after each change of the kind, synchronously, before the write is acknowledged. */
  onChange(resource: string, group: string, listener: () => void): void;
}

/** Writes of the server itself: bootstrap objects, token secrets. They pass no authorization. */
export interface ObjectSink {
  /** Creates, or leaves what is there. Resolves with whether it created. */
  ensure(
    resource: string,
    group: string,
    object: JsonObject,
    signal: AbortSignal,
  ): Promise<boolean>;
  /**
   * Read-modify-write of the object, or of its status, with retries. `change` returns undefined to
   * leave it as it is; what it throws ends the attempt.
   */
  change(
    resource: string,
    group: string,
    at: { readonly namespace: string; readonly name: string; readonly part?: "status" },
    change: (object: JsonObject) => JsonObject | undefined,
    signal: AbortSignal,
  ): Promise<void>;
}
