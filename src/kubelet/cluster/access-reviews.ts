import type { Client } from "#client/client.ts";
import { subjectAccessReviews, tokenReviews } from "#client/kinds.ts";
import type { AccessReviews } from "#kubelet/server/access.ts";

/** Asks the API server about callers of a node's server. */
export function accessReviews(client: Client, nodeName: string): AccessReviews {
  return {
    async identify(token, signal) {
      const { status } = await client.create(tokenReviews, { spec: { token } }, {}, signal);
      if (status?.authenticated !== true || status.user?.username === undefined) return undefined;
      const { username: name, uid = "", groups = [] } = status.user;
      return { name, uid, groups };
    },
    async isAllowed({ name: user, uid, groups }, verb, subresource, signal) {
      const attributes = { version: "v1", resource: "nodes", name: nodeName };
      const resourceAttributes = { ...attributes, verb, subresource };
      const spec = { user, uid, groups: [...groups], resourceAttributes };
      const { status } = await client.create(subjectAccessReviews, { spec }, {}, signal);
      return status?.allowed === true;
    },
  };
}
