import type { Clock } from "#base/clock.ts";
import { Content } from "#cri/gen/content_pb.ts";
import { ImageService } from "#cri/gen/cri_pb.ts";
import { type ImageStatus, type RegistryAuth, RuntimeError } from "#cri/runtime.ts";
import { toRuntimeError } from "./errors.ts";
import type { GrpcConnection } from "./grpc.ts";
import { importArchive } from "./image-import.ts";
import { namespaceHeader } from "./namespace.ts";
import { type Ingests, stallMsMax, untilStalled } from "./pull-watch.ts";
import { fromWireImage } from "./wire.ts";

/** How long CRI may take to hear of an image that containerd has; it is milliseconds. */
const visibleMsMax = 10_000;
const callMsMax = 2 * 60 * 1000;

/** The image half of the runtime. */
export class ImageStore {
  readonly #connection: GrpcConnection;
  readonly #clock: Clock;

  constructor(connection: GrpcConnection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  /**
   * The signal bounds a pull, and a registry that sends nothing any more. Resolves with the image's
   * id. @throws {RuntimeError}
   */
  async pull(
    reference: string,
    auth: RegistryAuth | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    const request = {
      image: { image: reference },
      ...(auth === undefined
        ? {}
        : {
            auth: {
              username: auth.username,
              password: auth.password,
              identityToken: auth.identityToken ?? "",
              serverAddress: auth.serverAddress ?? "",
            },
          }),
    };
    const end = new AbortController();
    const both = AbortSignal.any([signal, end.signal]);
    const watch = untilStalled((it) => this.#ingests(it), this.#clock, both).then(
      () => {
        const what = `failed to pull image "${reference}"`;
        const why = `nothing came from its registry for ${stallMsMax / 1_000} seconds`;
        end.abort(new RuntimeError("timeout", `${what}: ${why}; is it answering?`));
      },
      () => undefined, // The pull ended first.
    );
    try {
      const method = ImageService.method.pullImage;
      return (await this.#connection.unary(method, request, {}, both)).imageRef;
    } catch (error) {
      // containerd's text says all: failed to pull and unpack image "…": …
      throw toRuntimeError("", "image", error);
    } finally {
      end.abort(new Error("the pull ended"));
      await watch;
    }
  }

  /** Undefined when containerd does not say. */
  async #ingests(signal: AbortSignal): Promise<Ingests | undefined> {
    const options = { ...this.#bound(), headers: namespaceHeader };
    try {
      const method = Content.method.listStatuses;
      const { statuses } = await this.#connection.unary(method, {}, options, signal);
      return new Map(statuses.map((it) => [it.ref, it.offset]));
    } catch {
      return undefined;
    }
  }

  async status(reference: string, signal: AbortSignal): Promise<ImageStatus | undefined> {
    const request = { image: { image: reference } };
    try {
      const method = ImageService.method.imageStatus;
      const answer = await this.#connection.unary(method, request, this.#bound(), signal);
      return answer.image === undefined ? undefined : fromWireImage(answer.image);
    } catch (error) {
      throw toRuntimeError(`status of image ${reference}`, "image", error);
    }
  }

  async list(signal: AbortSignal): Promise<readonly ImageStatus[]> {
    try {
      const method = ImageService.method.listImages;
      const answer = await this.#connection.unary(method, {}, this.#bound(), signal);
      return answer.images.map(fromWireImage);
    } catch (error) {
      throw toRuntimeError("list images", "image", error);
    }
  }

  async remove(reference: string, signal: AbortSignal): Promise<void> {
    try {
      const request = { image: { image: reference } };
      const method = ImageService.method.removeImage;
      await this.#connection.unary(method, request, this.#bound(), signal);
    } catch (error) {
      throw toRuntimeError(`remove image ${reference}`, "image", error);
    }
  }

  /** Resolves when the images can be used. @throws {RuntimeError} */
  async import(tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<readonly string[]> {
    let names: readonly string[];
    try {
      const target = { connection: this.#connection, clock: this.#clock };
      names = await importArchive(target, tar, signal);
    } catch (cause) {
      signal.throwIfAborted();
      throw new RuntimeError("other", "import an image archive", { cause });
    }
    for (const name of names) await this.#visible(name, signal);
    return names;
  }

  /** CRI keeps a list of its own, which follows containerd's by events. */
  async #visible(name: string, signal: AbortSignal): Promise<void> {
    const until = this.#clock.monotonic() + visibleMsMax;
    for (let wait = 5; (await this.status(name, signal)) === undefined; wait *= 1.5) {
      if (this.#clock.monotonic() > until) {
        throw new RuntimeError("timeout", `image ${name} was imported, but CRI does not list it`);
      }
      await this.#clock.sleep(wait, signal);
    }
  }

  #bound(): { deadlineMs: number } {
    return { deadlineMs: this.#clock.now() + callMsMax };
  }
}
