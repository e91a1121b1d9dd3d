/** A request that cannot be served; the text is the response's body, as upstream kubelets answer. */
export class ServerFault extends Error {
  override readonly name = "ServerFault";
  readonly status: number;

  constructor(status: number, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.status = status;
  }
}
