import type { DeleteOptions } from "#api/gen/types.ts";
import type { KubernetesObject } from "#api/object.ts";
import { statusErrorOf, type StatusObject } from "#api/status.ts";
import { nameOf } from "./object-key.ts";
import {
  createRequest,
  deleteCollectionRequest,
  deleteRequest,
  getRequest,
  listRequest,
  patchRequest,
  updateRequest,
  watchRequest,
  withType,
  type ApplyOptions,
  type ListOptions,
  type ObjectAt,
  type Patch,
  type Selection,
  type WatchOptions,
  type WriteOptions,
} from "./request.ts";
import type { ResourceOf } from "./resource-of.ts";
import type { HttpRequest, HttpResponse, Transport } from "./transport.ts";
import { readEvents, type WatchEvent } from "./watch-event.ts";

/** One page of objects. `metadata.continue` is set when there are more. */
export interface ListOf<T> {
  readonly metadata?: {
    readonly resourceVersion?: string | undefined;
    readonly continue?: string | undefined;
    readonly remainingItemCount?: number | undefined;
  };
  readonly items: readonly T[];
}

/** No answer of an API server is larger; a list is to be read in pages. */
const bodyBytesMax = 1024 * 1024 * 1024;

/**
 * Typed access to an API server. Every method throws {@link StatusError} for an answer that is a
 * failure, {@link TransportError} when there was no answer, and the signal's reason on abort.
 */
export class Client {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async get<T>(resource: ResourceOf<T>, at: ObjectAt, signal: AbortSignal): Promise<T> {
    return (await this.#json(getRequest(resource, at), signal)) as T;
  }

  /** Only the type and the metadata, whatever the kind. */
  async getMetadata(
    resource: ResourceOf<unknown>,
    at: ObjectAt,
    signal: AbortSignal,
  ): Promise<KubernetesObject> {
    return (await this.#json(getRequest(resource, at, true), signal)) as KubernetesObject;
  }

  async list<T>(
    resource: ResourceOf<T>,
    options: ListOptions,
    signal: AbortSignal,
  ): Promise<ListOf<T>> {
    const list = (await this.#json(listRequest(resource, options), signal)) as {
      readonly metadata?: ListOf<T>["metadata"];
      readonly items?: readonly T[] | null;
    };
    return { metadata: list.metadata ?? {}, items: list.items ?? [] };
  }

  /** The namespace is taken from the object's metadata. */
  async create<T extends KubernetesObject>(
    resource: ResourceOf<T>,
    object: NoInfer<T>,
    options: WriteOptions,
    signal: AbortSignal,
  ): Promise<T> {
    const where = { namespace: object.metadata?.namespace };
    const request = createRequest(resource, where, withType(resource, object), options);
    return (await this.#json(request, signal)) as T;
  }

  /** POST to a subresource: a binding, an eviction, a token request. `body` carries its type. */
  async createAt(
    resource: ResourceOf<unknown>,
    at: ObjectAt,
    body: KubernetesObject,
    signal: AbortSignal,
  ): Promise<unknown> {
    return await this.#json(createRequest(resource, at, body, {}), signal);
  }

  /** Replaces the object; its `metadata.resourceVersion`, when set, must still be the newest. */
  async update<T extends KubernetesObject>(
    resource: ResourceOf<T>,
    object: NoInfer<T>,
    options: WriteOptions & { readonly subresource?: string | undefined },
    signal: AbortSignal,
  ): Promise<T> {
    const at = {
      namespace: object.metadata?.namespace,
      name: nameOf(object),
      subresource: options.subresource,
    };
    const request = updateRequest(resource, at, withType(resource, object), options);
    return (await this.#json(request, signal)) as T;
  }

  async updateStatus<T extends KubernetesObject>(
    resource: ResourceOf<T>,
    object: NoInfer<T>,
    signal: AbortSignal,
  ): Promise<T> {
    return await this.update(resource, object, { subresource: "status" }, signal);
  }

  async patch<T>(
    resource: ResourceOf<T>,
    at: ObjectAt,
    patch: Patch,
    signal: AbortSignal,
  ): Promise<T> {
    return (await this.#json(patchRequest(resource, at, patch), signal)) as T;
  }

  /** Server-side apply; creates the object when it does not exist. */
  async apply<T extends KubernetesObject>(
    resource: ResourceOf<T>,
    object: NoInfer<T>,
    options: ApplyOptions & { readonly subresource?: string | undefined },
    signal: AbortSignal,
  ): Promise<T> {
    const at = {
      namespace: object.metadata?.namespace,
      name: nameOf(object),
      subresource: options.subresource,
    };
    const patch: Patch = { ...options, type: "apply", body: withType(resource, object) };
    return await this.patch(resource, at, patch, signal);
  }

  /** Resolves with the object while its deletion is pending, with undefined once it is gone. */
  async delete<T>(
    resource: ResourceOf<T>,
    at: ObjectAt,
    options: DeleteOptions,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    const answer = await this.#json(deleteRequest(resource, at, options), signal);
    return isStatusObject(answer) ? undefined : (answer as T);
  }

  async deleteCollection(
    resource: ResourceOf<unknown>,
    selection: Selection,
    options: DeleteOptions,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#json(deleteCollectionRequest(resource, selection, options), signal);
  }

  /**
   * Changes as they happen, in the batches in which they arrive; ends when the server ends it.
   * Leaving the loop closes the stream. Objects may be shared: never change them.
   * @throws {StatusError} for an ERROR event too; `Expired` means: list again.
   */
  async *watch<T>(
    resource: ResourceOf<T>,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncGenerator<readonly WatchEvent<T>[]> {
    const response = await this.#send(watchRequest(resource, options), signal);
    // Who watches a resource gets objects of its type.
    if (response.events !== undefined) yield* response.events as AsyncIterable<WatchEvent<T>[]>;
    else yield* readEvents<T>(response.body);
  }

  /** A request whose path and answer are the caller's: discovery, logs, `/healthz`. */
  async raw(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    return await this.#send(request, signal);
  }

  /** As {@link raw}, and the whole answer. */
  async text(request: HttpRequest, signal: AbortSignal): Promise<string> {
    return await readText(await this.#send(request, signal));
  }

  async #json(request: HttpRequest, signal: AbortSignal): Promise<unknown> {
    return JSON.parse(await this.text(request, signal)) as unknown;
  }

  async #send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const response = await this.#transport.send(request, signal);
    if (response.status >= 200 && response.status < 300) return response;
    throw await failureOf(response);
  }
}

async function failureOf(response: HttpResponse): Promise<Error> {
  const text = await readText(response);
  try {
    const body: unknown = JSON.parse(text);
    if (isStatusObject(body)) return statusErrorOf(response.status, body);
  } catch {
    // Not JSON: a proxy's page, or an old server's plain text. It becomes the message.
  }
  return statusErrorOf(response.status, { message: text.trim().slice(0, 1024) });
}

async function readText(response: HttpResponse): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new Error(`response larger than ${bodyBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function isStatusObject(value: unknown): value is StatusObject {
  return (
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    value.kind === "Status" &&
    "apiVersion" in value &&
    value.apiVersion === "v1"
  );
}
