/** A container cannot be started now; `reason` is what its waiting state shows. */
export class StartError extends Error {
  override readonly name = "StartError";
  /** `ErrImagePull`, `CreateContainerConfigError`; empty leaves the waiting state as it is. */
  readonly reason: string;
  /** Not tried again before, in milliseconds since the epoch. */
  readonly retryAtMs: number;

  constructor(
    reason: string,
    message: string,
    options: { readonly retryAtMs: number; readonly cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.reason = reason;
    this.retryAtMs = options.retryAtMs;
  }
}
