import { isDigest } from "./digest.ts";

/** An image's name, whole: what `nginx` stands for. */
export interface ImageReference {
  /** `docker.io`, `localhost:5000`: with a port if it has one. */
  readonly domain: string;
  /** `library/nginx`. */
  readonly path: string;
  /** Undefined only beside a digest. */
  readonly tag: string | undefined;
  /** `sha256:…`. */
  readonly digest: string | undefined;
}

/** The text names no image. */
export class ReferenceError extends Error {
  override readonly name = "ReferenceError";
}

const defaultDomain = "docker.io";
const legacyDomain = "index.docker.io";
const officialPrefix = "library/";
const defaultTag = "latest";
const nameLengthMax = 255;

const label = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const domainPattern = new RegExp(
  `^(?:${label}(?:\\.${label})*|\\[(?:[a-fA-F0-9:]+)\\])(?::[0-9]+)?$`,
);
const pathPart = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const pathPattern = new RegExp(`^${pathPart}(?:/${pathPart})*$`);
const tagPattern = /^\w[\w.-]{0,127}$/;

/**
 * Reads an image's name as Docker does: `nginx` is `docker.io/library/nginx:latest`. A name with a
 * digest and no tag gets none. The rules and the messages of distribution's `reference/normalize.go`.
 * @throws {ReferenceError}
 */
export function parseReference(text: string): ImageReference {
  if (/^[a-f0-9]{64}$/.test(text)) {
    throw new ReferenceError(
      `invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`,
    );
  }
  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const { domain, rest } = splitDomain(at < 0 ? text : text.slice(0, at));
  const { path, tag } = splitTag(rest);
  if (path !== path.toLowerCase()) {
    throw new ReferenceError(
      `invalid reference format: repository name (${path}) must be lowercase`,
    );
  }
  const isWellFormed =
    domainPattern.test(domain) &&
    pathPattern.test(path) &&
    (tag === undefined || tagPattern.test(tag)) &&
    (digest === undefined || isDigest(digest));
  if (!isWellFormed) throw new ReferenceError(`invalid reference format: '${text}'`);
  if (path.length > nameLengthMax) {
    throw new ReferenceError(`repository name must not be more than ${nameLengthMax} characters`);
  }
  return { domain, path, tag: tag ?? (digest === undefined ? defaultTag : undefined), digest };
}

/** The whole name: `docker.io/library/nginx:latest`. */
export function formatReference(reference: ImageReference): string {
  return `${repositoryOf(reference)}${suffixOf(reference)}`;
}

/** The name as people write it: `nginx:latest`, `localhost:5000/app:1`. */
export function familiarReference(reference: ImageReference): string {
  return `${familiarName(repositoryOf(reference))}${suffixOf(reference)}`;
}

/** The name without tag and digest, under which a store keeps it: `docker.io/library/nginx`. */
export function repositoryOf({ domain, path }: ImageReference): string {
  return `${domain}/${path}`;
}

/** `docker.io/library/nginx` is `nginx`, `docker.io/team/app` is `team/app`; others stay. */
export function familiarName(repository: string): string {
  if (!repository.startsWith(`${defaultDomain}/`)) return repository;
  const path = repository.slice(defaultDomain.length + 1);
  const name = path.slice(officialPrefix.length);
  return path.startsWith(officialPrefix) && !name.includes("/") ? name : path;
}

/** The whole name as text; see {@link parseReference}. @throws {ReferenceError} */
export function normalizeReference(text: string): string {
  return formatReference(parseReference(text));
}

/** Whether it may stand for a repository in a registry's paths: distribution-spec, Pulling manifests. */
export function isRepositoryPath(text: string): boolean {
  return text.length <= nameLengthMax && pathPattern.test(text);
}

/** Whether a store may keep images under it: a registry's path, or a whole name with a domain. */
export function isRepositoryName(text: string): boolean {
  if (isRepositoryPath(text)) return true;
  const slash = text.indexOf("/");
  const domain = text.slice(0, Math.max(slash, 0));
  return domainPattern.test(domain) && isRepositoryPath(text.slice(slash + 1));
}

export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

function suffixOf({ tag, digest }: ImageReference): string {
  return `${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

function splitTag(rest: string): { path: string; tag: string | undefined } {
  const colon = rest.indexOf(":");
  if (colon < 0) return { path: rest, tag: undefined };
  return { path: rest.slice(0, colon), tag: rest.slice(colon + 1) };
}

function splitDomain(name: string): { domain: string; rest: string } {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(slash, 0));
  const isDomain =
    slash >= 0 && (/[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first);
  const domain = !isDomain || first === legacyDomain ? defaultDomain : first;
  const rest = isDomain ? name.slice(slash + 1) : name;
  const isOfficial = domain === defaultDomain && !rest.includes("/");
  return { domain, rest: isOfficial ? `${officialPrefix}${rest}` : rest };
}
