import type { Descriptor } from "#oci/manifest.ts";
import { mediaTypes } from "#oci/media-types.ts";
import { manifestBytesMax } from "#images/store/image-store.ts";
import type { Caller } from "./access.ts";
import type { RegistryContext } from "./context.ts";
import { answerJson, type Exchange } from "./http/exchange.ts";
import { pageOf, parsePage } from "./http/page.ts";
import { Refusal } from "./http/refusal.ts";

/** GET `tags/list`. */
export function serveTags(
  { store }: RegistryContext,
  { name, repository }: { readonly name: string; readonly repository: string },
  exchange: Exchange,
): void {
  if (!store.hasRepository(repository)) {
    throw new Refusal(404, "NAME_UNKNOWN", `no repository ${repository}`);
  }
  const page = parsePage(exchange.query);
  const found = store.listTags(repository, { ...page, limit: page.limit + 1 });
  const path = `/v2/${name}/tags/list`;
  const { items, link } = pageOf(found, page, { path, nameOf: (it) => it.tag });
  answerJson(exchange, { name, tags: items.map((it) => it.tag) }, linkHeader(link));
}

/** GET `_catalog`: those repositories that the caller may pull from. */
export function serveCatalog({ store }: RegistryContext, caller: Caller, exchange: Exchange): void {
  const page = parsePage(exchange.query);
  const found: string[] = [];
  for (let { after } = page; found.length <= page.limit;) {
    const names = store.listRepositories({ after, limit: page.limit + 1 });
    found.push(...names.filter((it) => caller.allows("pull", it)));
    if (names.length <= page.limit) break;
    after = names.at(-1);
  }
  const at = { path: "/v2/_catalog", nameOf: (it: string) => it };
  const { items, link } = pageOf(found, page, at);
  answerJson(exchange, { repositories: items }, linkHeader(link));
}

/** GET `referrers/<digest>`. */
export function serveReferrers(
  { store }: RegistryContext,
  { repository, digest, name }: Record<"repository" | "digest" | "name", string>,
  exchange: Exchange,
): void {
  const filter = exchange.query.get("artifactType");
  const after = exchange.query.get("last") ?? "";
  const all = store.listReferrers(repository, digest);
  const wanted = all.filter(
    (it) => it.digest > after && (filter === null || it.artifactType === filter),
  );
  const page = firstOf(wanted);
  const last = page.at(-1);
  const query = new URLSearchParams(filter === null ? {} : { artifactType: filter });
  query.set("last", last?.digest ?? "");
  const next = `</v2/${name}/referrers/${digest}?${query.toString()}>; rel="next"`;
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: page };
  answerJson(exchange, index, {
    "content-type": mediaTypes.index,
    ...(filter === null ? {} : { "oci-filters-applied": "artifactType" }),
    ...linkHeader(page.length < wanted.length ? next : undefined),
  });
}

/** As many as make an index that every client reads; at least one. */
function firstOf(descriptors: readonly Descriptor[]): readonly Descriptor[] {
  let bytes = 0;
  const end = descriptors.findIndex((it, index) => {
    bytes += JSON.stringify(it).length + 1;
    return index > 0 && bytes > manifestBytesMax - 1_024;
  });
  return end < 0 ? descriptors : descriptors.slice(0, end);
}

function linkHeader(link: string | undefined): Record<string, string> {
  return link === undefined ? {} : { link };
}
