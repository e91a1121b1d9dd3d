/** How a remote command ended. */
export type CommandResult =
  | { readonly kind: "exit"; readonly code: number }
  | { readonly kind: "error"; readonly message: string };

/**
 * The JSON Status of the error channel (v4 and later). kubectl and client-go read the exit code from
 * the cause with reason `ExitCode`: client-go `tools/remotecommand/v4.go`.
 */
export function encodeExitStatus(result: CommandResult): Buffer {
  if (result.kind === "error") {
    // Runtimes that speak this protocol have added the prefix already.
    const cause = result.message.replace(/^(Internal error occurred: )+/, "");
    return json({
      metadata: {},
      status: "Failure",
      message: `Internal error occurred: ${cause}`,
      reason: "InternalError",
      details: { causes: [{ message: cause }] },
      code: 500,
    });
  }
  if (result.code === 0) return json({ metadata: {}, status: "Success" });
  return json({
    metadata: {},
    status: "Failure",
    message: exitText(result.code),
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(result.code) }] },
  });
}

/** The error channel before v4: what went wrong as text, nothing when nothing did. */
export function encodeExitText(result: CommandResult): Buffer {
  if (result.kind === "error") return Buffer.from(result.message);
  return Buffer.from(result.code === 0 ? "" : exitText(result.code));
}

function exitText(code: number): string {
  return `command terminated with non-zero exit code: exit status ${code}`;
}

/** Reads the error channel's text. Empty means success: the peer had nothing to say. */
export function parseExitStatus(text: string): CommandResult {
  if (text.trim() === "") return { kind: "exit", code: 0 };
  let status: unknown;
  try {
    status = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return { kind: "error", message: text.trim() };
    throw error;
  }
  if (!isStatus(status)) return { kind: "error", message: text.trim() };
  if (status.status === "Success") return { kind: "exit", code: 0 };
  const cause = status.details?.causes?.find((it) => it.reason === "ExitCode")?.message;
  if (status.reason === "NonZeroExitCode" && cause !== undefined && /^\d+$/.test(cause)) {
    return { kind: "exit", code: Number(cause) };
  }
  return { kind: "error", message: status.message ?? text.trim() };
}

interface WireStatus {
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly causes?: readonly { readonly reason?: string; readonly message?: string }[];
  };
}

function isStatus(value: unknown): value is WireStatus {
  return (
    typeof value === "object" &&
    value !== null &&
    "status" in value &&
    typeof value.status === "string"
  );
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}
