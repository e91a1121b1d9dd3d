import type { ImageVolumeSource, Pod, Secret } from "#api/gen/types.ts";
import type { Clock } from "#base/clock.ts";
import { describeError } from "#base/log.ts";
import type { ImageStatus, RegistryAuth, Runtime } from "#cri/runtime.ts";
import { formatDuration } from "#base/duration.ts";
import { parseImageReference, pullPolicyOf } from "./image-reference.ts";
import type { PodContainer } from "./containers.ts";
import type { KubeletEvents, ReferencedObjects } from "#kubelet/ports.ts";
import { registryAuths } from "./registry-auth.ts";
import { StartError } from "./start-error.ts";

export interface ImagesOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly events: KubeletEvents;
  readonly objects: ReferencedObjects;
}

/** Waits between pulls of one image for one pod: 10 s, doubled up to 300 s. */
const initialBackoffMs = 10_000;
const backoffMsMax = 300_000;
/** After this long the image's state is shown as a back-off; the next look does it. */
const lookAgainMs = 1_000;
/**
 * A pull that takes longer is given up and begun again: a registry that stops answering holds it for
 * ever, since containerd 1.6 has no bound. What was fetched is kept, so that large images get on.
 */
const pullMsMax = 10 * 60_000;
/** Images whose failures are remembered. */
const failuresMax = 1_000;

interface PullFailure {
  readonly backoffMs: number;
  readonly retryAtMs: number;
  readonly message: string;
}

interface Pull {
  readonly done: Promise<string>;
  /** Of the credentials. */
  readonly identity: string;
  readonly signal: AbortSignal;
}

interface Wanted {
  readonly image: string;
  readonly imagePullPolicy: string | undefined;
  /** Who needs it; events are about it. */
  readonly container: PodContainer;
}

/**
 * Sees to it that a container's image is on the node, as its pull policy says. One image is pulled
 * once at a time, whoever asks. Upstream: `pkg/kubelet/images/image_manager.go`.
 */
export class Images {
  readonly #options: ImagesOptions;
  readonly #pulls = new Map<string, Pull>();
  readonly #failures = new Map<string, PullFailure>();

  constructor(options: ImagesOptions) {
    this.#options = options;
  }

  /** Resolves with the image on the node. @throws {StartError} with upstream's reason. */
  async ensure(pod: Pod, container: PodContainer, signal: AbortSignal): Promise<ImageStatus> {
    const { image = "", imagePullPolicy } = container.spec;
    return await this.#ensure(pod, { image, imagePullPolicy, container }, signal);
  }

  /** As {@link ensure}, for an image that a container mounts. */
  async ensureVolume(
    pod: Pod,
    { reference = "", pullPolicy }: ImageVolumeSource,
    container: PodContainer,
    signal: AbortSignal,
  ): Promise<ImageStatus> {
    const wanted = { image: reference, imagePullPolicy: pullPolicy, container };
    return await this.#ensure(pod, wanted, signal);
  }

  async #ensure(
    pod: Pod,
    { image, imagePullPolicy, container }: Wanted,
    signal: AbortSignal,
  ): Promise<ImageStatus> {
    const { runtime, events } = this.#options;
    const reference = parseImageReference(image);
    if (reference === undefined) {
      const message = `Failed to apply default image tag "${image}": couldn't parse image name: invalid reference format`;
      events.pod(pod, { type: "Warning", reason: "InspectFailed", message, container });
      const failed = "Error: InvalidImageName";
      events.pod(pod, { type: "Warning", reason: "Failed", message: failed, container });
      throw this.#startError("InvalidImageName", message, backoffMsMax);
    }
    const policy = pullPolicyOf(imagePullPolicy, image);
    const present = await this.#inspect(image, signal);
    if (present !== undefined && policy !== "Always") {
      const message = `Container image "${image}" already present on machine and can be accessed by the pod`;
      events.pod(pod, { type: "Normal", reason: "Pulled", message, container });
      return present;
    }
    if (policy === "Never") {
      const message = `Container image "${image}" is not present with pull policy of Never`;
      events.pod(pod, { type: "Warning", reason: "ErrImageNeverPull", message, container });
      const failed = "Error: ErrImageNeverPull";
      events.pod(pod, { type: "Warning", reason: "Failed", message: failed, container });
      throw this.#startError("ErrImageNeverPull", message, initialBackoffMs);
    }
    this.#throwInBackoff(pod, container, image);
    await this.#pullAndTell(pod, container, image, signal);
    const pulled = await runtime.imageStatus(image, signal);
    if (pulled === undefined) {
      throw this.#startError(
        "ErrImagePull",
        `image "${image}" is gone after its pull`,
        lookAgainMs,
      );
    }
    return pulled;
  }

  async #inspect(image: string, signal: AbortSignal): Promise<ImageStatus | undefined> {
    try {
      return await this.#options.runtime.imageStatus(image, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      const message = `Failed to inspect image "${image}": ${describeError(error)}`;
      throw this.#startError("ImageInspectError", message, initialBackoffMs);
    }
  }

  #throwInBackoff(pod: Pod, container: PodContainer, image: string): void {
    const failure = this.#failures.get(failureKey(pod, image));
    if (failure === undefined || failure.retryAtMs <= this.#options.clock.now()) return;
    const message = `Back-off pulling image "${image}"`;
    const { events } = this.#options;
    events.pod(pod, { type: "Normal", reason: "BackOff", message, container });
    const failed = "Error: ImagePullBackOff";
    events.pod(pod, { type: "Warning", reason: "Failed", message: failed, container });
    throw new StartError("ImagePullBackOff", `${message}: ErrImagePull: ${failure.message}`, {
      retryAtMs: failure.retryAtMs,
    });
  }

  async #pullAndTell(
    pod: Pod,
    container: PodContainer,
    image: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { events, clock, runtime } = this.#options;
    const pulling = `Pulling image "${image}"`;
    events.pod(pod, { type: "Normal", reason: "Pulling", message: pulling, container });
    const startedMs = clock.monotonic();
    try {
      const auths = await this.#auths(pod, image, signal);
      await this.#pull(image, auths, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      throw this.#pullFailed(pod, container, image, error);
    }
    this.#failures.delete(failureKey(pod, image));
    const took = formatDuration(clock.monotonic() - startedMs);
    const size = (await runtime.imageStatus(image, signal))?.sizeBytes ?? 0;
    const message = `Successfully pulled image "${image}" in ${took} (${took} including waiting). Image size: ${size} bytes.`;
    events.pod(pod, { type: "Normal", reason: "Pulled", message, container });
  }

  #pullFailed(pod: Pod, container: PodContainer, image: string, error: unknown): StartError {
    const { events, clock } = this.#options;
    const key = failureKey(pod, image);
    const before = this.#failures.get(key);
    const backoffMs =
      before === undefined ? initialBackoffMs : Math.min(before.backoffMs * 2, backoffMsMax);
    const message = describeError(error);
    this.#failures.delete(key);
    this.#failures.set(key, { backoffMs, retryAtMs: clock.now() + backoffMs, message });
    if (this.#failures.size > failuresMax) {
      const [oldest] = this.#failures.keys();
      if (oldest !== undefined) this.#failures.delete(oldest);
    }
    const failed = `Failed to pull image "${image}": ${message}`;
    events.pod(pod, { type: "Warning", reason: "Failed", message: failed, container });
    events.pod(pod, {
      type: "Warning",
      reason: "Failed",
      message: "Error: ErrImagePull",
      container,
    });
    return this.#startError("ErrImagePull", message, lookAgainMs);
  }

  async #auths(
    pod: Pod,
    image: string,
    signal: AbortSignal,
  ): Promise<readonly (RegistryAuth | undefined)[]> {
    const reference = parseImageReference(image);
    const references = pod.spec?.imagePullSecrets ?? [];
    if (reference === undefined || references.length === 0) return [undefined];
    const { namespace = "", uid = "" } = pod.metadata ?? {};
    const secrets: Secret[] = [];
    const missing: string[] = [];
    for (const { name = "" } of references) {
      const secret = await this.#options.objects.secret({ namespace, name }, uid, signal);
      if (secret === undefined) missing.push(name);
      else secrets.push(secret);
    }
    if (missing.length > 0) {
      const message = `Unable to retrieve some image pull secrets (${missing.join(", ")}); attempting to pull the image may not succeed.`;
      this.#options.events.pod(pod, {
        type: "Warning",
        reason: "FailedToRetrieveImagePullSecret",
        message,
      });
    }
    const found = registryAuths(secrets, reference);
    return found.length === 0 ? [undefined] : found;
  }

  /** Joins a pull of the same image by the same credentials, or begins one. */
  async #pull(
    image: string,
    auths: readonly (RegistryAuth | undefined)[],
    signal: AbortSignal,
  ): Promise<void> {
    let last: unknown;
    for (const auth of auths) {
      try {
        await this.#pullOnce(image, auth, signal);
        return;
      } catch (error) {
        signal.throwIfAborted();
        last = error;
      }
    }
    throw last;
  }

  async #pullOnce(
    image: string,
    auth: RegistryAuth | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const identity = JSON.stringify(auth ?? null);
    for (let other = this.#pulls.get(image); other !== undefined; other = this.#pulls.get(image)) {
      const isDone = await joined(other, identity);
      signal.throwIfAborted();
      if (isDone) return;
    }
    const done = this.#pullWithin(image, auth, signal);
    const pull: Pull = { done, identity, signal };
    this.#pulls.set(image, pull);
    try {
      await done;
    } finally {
      this.#pulls.delete(image);
    }
  }

  async #pullWithin(
    image: string,
    auth: RegistryAuth | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    const { clock, runtime } = this.#options;
    const limit = new AbortController();
    const both = AbortSignal.any([signal, limit.signal]);
    const timer = clock.sleep(pullMsMax, both).then(
      () => {
        const minutes = pullMsMax / 60_000;
        const what = `failed to pull image "${image}": not done within ${minutes} minutes`;
        limit.abort(new Error(`${what}; is its registry answering?`));
      },
      () => undefined, // The pull ended first.
    );
    try {
      return await runtime.pullImage(image, auth, both);
    } finally {
      limit.abort(new Error("the pull ended"));
      await timer;
    }
  }

  #startError(reason: string, message: string, afterMs: number): StartError {
    return new StartError(reason, message, { retryAtMs: this.#options.clock.now() + afterMs });
  }
}

/**
 * Waits for another's pull. True when it did what ours would have done: same credentials, success.
 * @throws its failure, when ours would have failed the same way.
 */
async function joined(other: Pull, identity: string): Promise<boolean> {
  try {
    await other.done;
    return other.identity === identity;
  } catch (error) {
    if (other.signal.aborted || other.identity !== identity) return false;
    throw error;
  }
}

function failureKey(pod: Pod, image: string): string {
  return `${pod.metadata?.uid ?? ""}_${image}`;
}
