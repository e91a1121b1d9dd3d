import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import type { StatusObject } from "#api/status.ts";
import { formatMicroTime } from "#api/time.ts";
import type { UserInfo } from "#apiserver/contract.ts";
import type { RequestInfo } from "#apiserver/request-info.ts";
import { reaches, type Recording, type Stage } from "./policy.ts";

/** Longest event, in UTF-16 units; without its objects beyond. An object has at most 1.5 MiB. */
export const eventLengthMax = 4 * 1024 * 1024;
const userAgentLengthMax = 1_024;

/** What is known of a request by the time of a stage. */
export interface RequestFacts {
  readonly auditId: string;
  /** Path and query as sent. */
  readonly url: string;
  readonly info: RequestInfo;
  /** Undefined when nobody could be made out. */
  readonly user: UserInfo | undefined;
  /** Whom the user asked to be. */
  readonly impersonated: UserInfo | undefined;
  readonly sourceIPs: readonly string[];
  readonly userAgent: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  /** As the client sent it; undefined when there is none, or none that can be read. */
  readonly requestObject: Json | undefined;
  readonly responseObject: Json | undefined;
  /** Undefined until the response has begun. */
  readonly status: EventStatus | undefined;
  readonly annotations: ReadonlyMap<string, string>;
}

/** Of a response: its code, and what its body says if that is a Status. */
export type EventStatus = Pick<StatusObject, "code"> & Partial<StatusObject>;

/**
 * One line of the log: an `audit.k8s.io/v1` Event, with its fields in upstream's order.
 * Upstream: apiserver `pkg/audit/request.go`.
 */
export function eventLine(
  facts: RequestFacts,
  recording: Recording,
  at: { readonly stage: Stage; readonly ms: number },
): string {
  const line = JSON.stringify(eventOf(facts, recording, at));
  if (line.length <= eventLengthMax) return `${line}\n`;
  // As upstream's truncating backend marks it.
  const annotations = new Map([...facts.annotations, ["audit.k8s.io/truncated", "true"]]);
  const less = { ...facts, requestObject: undefined, responseObject: undefined, annotations };
  return `${JSON.stringify(eventOf(less, recording, at))}\n`;
}

function eventOf(
  facts: RequestFacts,
  { level, omitsManagedFields }: Recording,
  { stage, ms }: { readonly stage: Stage; readonly ms: number },
): JsonObject {
  const { impersonated, annotations, requestObject, responseObject } = facts;
  const shown = (it: Json | undefined): Json | undefined =>
    omitsManagedFields && it !== undefined ? withoutManagedFields(it) : it;
  const isRequestShown = reaches(level, "Request") && requestObject !== undefined;
  const isResponseShown = reaches(level, "RequestResponse") && responseObject !== undefined;
  return {
    kind: "Event",
    apiVersion: "audit.k8s.io/v1",
    level,
    auditID: facts.auditId,
    stage,
    requestURI: facts.url,
    verb: facts.info.verb,
    user: userOf(facts.user),
    ...(impersonated !== undefined && { impersonatedUser: userOf(impersonated) }),
    ...(facts.sourceIPs.length > 0 && { sourceIPs: [...facts.sourceIPs] }),
    ...(facts.userAgent !== "" && { userAgent: shortened(facts.userAgent) }),
    ...(facts.info.isResource && { objectRef: referenceOf(facts.info, requestObject) }),
    ...(facts.status !== undefined && { responseStatus: statusOf(facts.status) }),
    ...(isRequestShown && { requestObject: shown(requestObject) }),
    ...(isResponseShown && { responseObject: shown(responseObject) }),
    requestReceivedTimestamp: formatMicroTime(facts.receivedAt),
    stageTimestamp: formatMicroTime(stage === "RequestReceived" ? facts.receivedAt : ms),
    ...(annotations.size > 0 && { annotations: Object.fromEntries(annotations) }),
  };
}

function userOf(user: UserInfo | undefined): JsonObject {
  if (user === undefined) return {};
  const { name, uid, groups, extra } = user;
  const entries = Object.entries(extra).map(([key, values]): [string, Json] => [key, [...values]]);
  return {
    username: name,
    ...(uid !== "" && { uid }),
    ...(groups.length > 0 && { groups: [...groups] }),
    ...(entries.length > 0 && { extra: Object.fromEntries(entries) }),
  };
}

/** What the path leaves open, such as the name of what is created, the object may say. */
function referenceOf(info: RequestInfo, object: Json | undefined): JsonObject {
  const metadata = isJsonObject(object) ? object["metadata"] : undefined;
  const said = (field: string): string => {
    const value = isJsonObject(metadata) ? metadata[field] : undefined;
    return typeof value === "string" ? value : "";
  };
  const fields = {
    resource: info.resource,
    namespace: info.namespace === "" ? said("namespace") : info.namespace,
    name: info.name === "" ? said("name") : info.name,
    uid: said("uid"),
    apiGroup: info.group,
    apiVersion: info.version,
    resourceVersion: said("resourceVersion"),
    subresource: info.subresource,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ""));
}

function statusOf({ code, status, message, reason, details }: EventStatus): JsonObject {
  const given = JSON.parse(JSON.stringify({ status, message, reason, details })) as JsonObject;
  const said = Object.entries(given).filter(([, value]) => value !== "");
  return { metadata: {}, ...Object.fromEntries(said), code };
}

/** Go counts bytes; a name that long is somebody's joke either way. */
function shortened(userAgent: string): string {
  if (userAgent.length <= userAgentLengthMax) return userAgent;
  return `${userAgent.slice(0, userAgentLengthMax)}...TRUNCATED`;
}

/** Of an object, of those in a list, and of those in the rows of a table. */
function withoutManagedFields(it: Json): Json {
  if (!isJsonObject(it)) return it;
  const copy = { ...it };
  const { metadata, items, rows } = it;
  if (isJsonObject(metadata)) {
    copy["metadata"] = Object.fromEntries(
      Object.entries(metadata).filter(([name]) => name !== "managedFields"),
    );
  }
  if (Array.isArray(items)) copy["items"] = items.map(withoutManagedFields);
  if (it["kind"] === "Table" && Array.isArray(rows)) {
    copy["rows"] = rows.map((row) =>
      isJsonObject(row) && row["object"] !== undefined
        ? { ...row, object: withoutManagedFields(row["object"]) }
        : row,
    );
  }
  return copy;
}

/** What a Status says, without the code; undefined for other objects. */
export function statusIn(object: Json | undefined): Omit<EventStatus, "code"> | undefined {
  if (!isJsonObject(object) || object["kind"] !== "Status" || object["apiVersion"] !== "v1") {
    return undefined;
  }
  return object;
}
