import { forbidden, StatusError } from "#api/status.ts";
import type { Attributes, Decision } from "#apiserver/contract.ts";

/**
 * The 403 for a request that was not allowed. Clients match its text; upstream:
 * apiserver `endpoints/handlers/responsewriters/errors.go`.
 */
export function denied(attributes: Attributes, decision: Decision): StatusError {
  const said = describe(attributes).replaceAll(/[&<>]/g, escapeMarkup);
  const message = decision.reason === "" ? said : `${said}: ${decision.reason}`;
  if (attributes.resource === "") {
    return new StatusError(403, "Forbidden", `forbidden: ${message}`, { details: {} });
  }
  const resource = { group: attributes.group, plural: attributes.resource };
  return forbidden(resource, attributes.name, message);
}

function describe(attributes: Attributes): string {
  const who = JSON.stringify(attributes.user.name);
  const { verb, namespace } = attributes;
  if (attributes.resource === "") {
    return `User ${who} cannot ${verb} path ${JSON.stringify(attributes.path)}`;
  }
  const resource =
    attributes.subresource === ""
      ? attributes.resource
      : `${attributes.resource}/${attributes.subresource}`;
  const scope =
    namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`;
  const what = `resource ${JSON.stringify(resource)} in API group ${JSON.stringify(attributes.group)}`;
  return `User ${who} cannot ${verb} ${what} ${scope}`;
}

function escapeMarkup(character: string): string {
  if (character === "&") return "&amp;";
  return character === "<" ? "&lt;" : "&gt;";
}
