import { existsSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { Readable } from "node:stream";
import { makeFiles } from "#build/archive/gnu-tar.ts";
import { compressionOf, decompress, isTar } from "#build/archive/decompress.ts";
import { archiveStream } from "#build/archive/safe-archive.ts";
import type { Session } from "#build/cache/session.ts";
import type { CopySource } from "#build/copy/select.ts";
import { dockerfileBytesMax } from "#build/dockerfile/statements.ts";
import { openContext } from "#build/engine/context.ts";
import type { GitAccess } from "#build/git/access.ts";
import {
  contextName,
  type NamedContext,
  type NamedContexts,
} from "#build/engine/named-contexts.ts";
import { cloneRepository } from "#build/git/clone.ts";
import { LayoutDirectory, loadLayoutImage } from "#images/archive/layout-directory.ts";
import type { ImageStore, Lease } from "#images/store/image-store.ts";
import { isGitUrl } from "#build/stage/evaluate-copy.ts";
import { parseBuildContext } from "./options.ts";

/** A Dockerfile and the files beside it. */
export interface BuildInput {
  /** As the user knows it. */
  readonly name: string;
  readonly dockerfile: string;
  /** @throws {Error} when there is no context. */
  readonly context: () => CopySource;
}

export interface InputOptions {
  /** The Dockerfile, `-` for standard input; undefined for that of the context. */
  readonly file: string | undefined;
  /** Whether a repository's `.git` is part of the context. */
  readonly keepGitDir: boolean;
  /** What opens the repository of a context. */
  readonly gitAccess: GitAccess;
}

/** Bytes that a context's archive may unpack to. */
const contextBytesMax = 64 * 2 ** 30;
const headBytes = 512;
const defaultName = "Dockerfile";

/**
 * Reads what a build is given: a directory, a URL, or standard input with a Dockerfile or an archive.
 * @throws {Error} naming what is missing.
 */
export async function readInput(
  context: string,
  { file, keepGitDir, gitAccess }: InputOptions,
  session: Session,
  signal: AbortSignal,
): Promise<BuildInput> {
  if (context === "-" && file === "-")
    throw new Error("standard input cannot be both context and Dockerfile");
  if (context === "-") return await readStdin(file, session, signal);
  const repository = repositoryOf(context);
  if (repository !== undefined) {
    const request = { url: repository, checksum: "", keepGitDir };
    const tree = await cloneRepository(request, { session, gitAccess }, signal);
    return readDirectory(tree.root.hostPath, file);
  }
  if (/^https?:\/\//.test(context)) {
    const response = await fetch(context, { signal });
    if (!response.ok || response.body === null) {
      throw new Error(`${context}: the server answers ${response.status} ${response.statusText}`);
    }
    return await readArchiveOrText(response.body, { name: context, file }, session, signal);
  }
  if (file === "-") {
    const dockerfile = (await readAll(process.stdin)).toString("utf8");
    return { name: "-", dockerfile, context: () => openContext(context, undefined) };
  }
  return readDirectory(context, file);
}

const imageScheme = "docker-image://";
const layoutScheme = "oci-layout://";
/** Where images of layouts are in the store; they have no tags. */
const layoutRepository = "localhost/oci-layout";

/** Where contexts are brought to. */
export interface ContextPlaces {
  readonly session: Session;
  readonly store: ImageStore;
  readonly lease: Lease;
}

/** Takes in the image of `path[:tag][@digest]`, and says how FROM names it. @throws {Error} */
async function readLayout(
  text: string,
  places: Pick<ContextPlaces, "store" | "lease">,
  signal: AbortSignal,
): Promise<string> {
  const [, path = text, tag, digest] = /^(.+?)(?::([\w.-]+))?(?:@(\w+:\w+))?$/.exec(text) ?? [];
  const layout = new LayoutDirectory(path);
  const image = { target: await layout.find(digest ?? tag), repository: layoutRepository };
  const stored = await loadLayoutImage(places, layout, image, signal);
  return `${layoutRepository}@${stored.digest}`;
}

/**
 * The contexts of --build-context, by their names. Repositories are brought into the session.
 * @throws {Error} for what cannot be a context.
 */
export async function readContexts(
  texts: readonly string[],
  { gitAccess }: Pick<InputOptions, "gitAccess">,
  { session, store, lease }: ContextPlaces,
  signal: AbortSignal,
): Promise<NamedContexts> {
  const contexts = new Map<string, NamedContext>();
  for (const { name, source } of texts.map(parseBuildContext)) {
    const repository = repositoryOf(source);
    if (source.startsWith(imageScheme)) {
      const reference = source.slice(imageScheme.length);
      contexts.set(contextName(name), { kind: "image", reference });
    } else if (source.startsWith(layoutScheme)) {
      const reference = await readLayout(
        source.slice(layoutScheme.length),
        { store, lease },
        signal,
      );
      contexts.set(contextName(name), { kind: "image", reference });
    } else if (repository !== undefined) {
      const request = { url: repository, checksum: "", keepGitDir: false };
      const tree = await cloneRepository(request, { session, gitAccess }, signal);
      const files = (): CopySource => openContext(tree.root.hostPath, undefined);
      contexts.set(contextName(name), { kind: "files", files });
    } else if (source.includes("://")) {
      throw new Error(
        `--build-context ${name}: expected a directory, a git repository, docker-image:// or oci-layout://, not ${source}`,
      );
    } else {
      contexts.set(contextName(name), {
        kind: "files",
        files: () => openContext(source, undefined),
      });
    }
  }
  return contexts;
}

/** The address of the repository that a context names; undefined when it is something else. */
function repositoryOf(context: string): string | undefined {
  if (isGitUrl(context)) return context;
  return context.startsWith("github.com/") && !existsSync(context)
    ? `https://${context}`
    : undefined;
}

async function readStdin(
  file: string | undefined,
  session: Session,
  signal: AbortSignal,
): Promise<BuildInput> {
  return await readArchiveOrText(process.stdin, { name: "-", file }, session, signal);
}

async function readArchiveOrText(
  content: AsyncIterable<Uint8Array>,
  { name, file }: { readonly name: string; readonly file: string | undefined },
  session: Session,
  signal: AbortSignal,
): Promise<BuildInput> {
  const iterator = content[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < headBytes) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  async function* whole(): AsyncGenerator<Uint8Array, void, undefined> {
    yield head;
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) return;
      yield next.value;
    }
  }
  const compression = compressionOf(head);
  if (compression === "none" && !isTar(head)) {
    const dockerfile = (await readAll(Readable.from(whole()))).toString("utf8");
    return {
      name,
      dockerfile,
      context: () => {
        throw new Error(
          "there is no context: only a Dockerfile was given, so COPY and ADD have no files",
        );
      },
    };
  }
  const directory = session.newDirectory("context");
  await makeFiles(
    directory,
    archiveStream(decompress(whole(), compression, signal), contextBytesMax),
    signal,
  );
  return readDirectory(directory, file);
}

function readDirectory(directory: string, file: string | undefined): BuildInput {
  const inContext = join(directory, file ?? defaultName);
  const path = file !== undefined && existsSync(file) ? file : inContext;
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() !== true) {
    const others = ["dockerfile", "Containerfile"].map((it) => join(directory, it));
    const other = file === undefined ? others.find((it) => existsSync(it)) : undefined;
    if (other !== undefined) return readDirectory(directory, other);
    throw new Error(`${path}: there is no such Dockerfile; name it with --file`);
  }
  if (stats.size > dockerfileBytesMax) throw new Error(`${path} is too large for a Dockerfile`);
  return {
    name: path,
    dockerfile: readFileSync(path, "utf8"),
    context: () => openContext(directory, resolve(path)),
  };
}

async function readAll(content: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of content) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > dockerfileBytesMax)
      throw new Error("the Dockerfile on standard input is too large");
  }
  return Buffer.concat(chunks);
}
