import type { TaskOptions } from "./options.ts";
import type { Input, Output } from "./output.ts";
import { operatorTask } from "./task.ts";

export interface EmailOptions extends TaskOptions {
  /** Of type `smtp`; `smtp_default` by default. */
  readonly connection?: string;
  readonly to: Input<string> | readonly Input<string>[];
  readonly cc?: Input<string> | readonly Input<string>[];
  readonly bcc?: Input<string> | readonly Input<string>[];
  readonly subject: Input<string>;
  /** HTML, or the name of a template file that ends with `.html`. */
  readonly content: Input<string>;
  /** The connection's `from_email` by default. */
  readonly from?: Input<string>;
  /** Paths of what is attached. */
  readonly files?: readonly Input<string>[];
}

/** Sends a mail; hands on its message id. */
export function email(id: string, given: EmailOptions): Output<string> {
  const { connection, to, cc, bcc, subject, content, from, files, ...options } = given;
  const args = { connection, to, cc, bcc, subject, content, from, files };
  return operatorTask("email", id, { arguments: args, options });
}

export interface FileTransferOptions extends TaskOptions {
  readonly source: Input<string>;
  readonly target: Input<string>;
  /** False, the default: a target that is there is an error. */
  readonly overwrite?: boolean;
}

/** Copies a file or folder of the worker's machine; hands on the path of the copy. */
export function fileTransfer(id: string, given: FileTransferOptions): Output<string> {
  const { source, target, overwrite, ...options } = given;
  return operatorTask("file_transfer", id, { arguments: { source, target, overwrite }, options });
}
