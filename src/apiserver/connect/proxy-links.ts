/** Where a proxied page lies, for links that must stay within the proxy. */
export interface ProxyPlace {
  /** The path before the page's own: `/api/v1/namespaces/x/pods/y/proxy`. */
  readonly prefix: string;
  /** `host:port` of the page's server. */
  readonly backendHost: string;
  /** As the client called the API server. */
  readonly requestHost: string;
}

/**
 * The link as it works through the proxy; links to other hosts and relative ones stay. The
 * behaviour of apimachinery `pkg/util/proxy/transport.go`.
 */
export function rewriteLink(link: string, place: ProxyPlace): string {
  const [, host, path = ""] = /^(?:(?:https?:)?\/\/([^/?#]*))?(.*)$/is.exec(link) ?? [];
  const isOurs = host === undefined || host === place.backendHost || host === place.requestHost;
  const rooted = host !== undefined && path === "" ? "/" : path;
  if (!isOurs || !rooted.startsWith("/")) return link;
  return rooted.startsWith(`${place.prefix}/`) ? rooted : `${place.prefix}${rooted}`;
}

/** Attributes of HTML that hold a link. */
const linkAttributes = new Set([
  "action",
  "background",
  "cite",
  "codebase",
  "data",
  "formaction",
  "href",
  "icon",
  "longdesc",
  "manifest",
  "poster",
  "profile",
  "src",
  "usemap",
]);

const tagPattern = /<[a-z][a-z0-9]*\s[^>]*>/gi;
const attributePattern = /(?<before>\s(?<name>[a-z]+)\s*=\s*)(?<value>"[^"]*"|'[^']*'|[^\s"'>]+)/gi;

/** Rewrites the links of a page. */
export function rewriteHtml(html: string, place: ProxyPlace): string {
  return html.replace(tagPattern, (tag) => rewriteTag(tag, place));
}

function rewriteTag(tag: string, place: ProxyPlace): string {
  let text = "";
  let at = 0;
  for (const match of tag.matchAll(attributePattern)) {
    const { before = "", name = "", value = "" } = match.groups ?? {};
    if (!linkAttributes.has(name.toLowerCase())) continue;
    const quote = /^["']/.exec(value)?.[0] ?? "";
    const link = quote === "" ? value : value.slice(1, -1);
    text += `${tag.slice(at, match.index)}${before}${quote}${rewriteLink(link, place)}${quote}`;
    at = match.index + match[0].length;
  }
  return text + tag.slice(at);
}
