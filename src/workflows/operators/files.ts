import { cpSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { requiredText, type Operator } from "./operator.ts";

/** Copies a file or folder of the worker's machine. Hands on the path of the copy. */
export const fileTransferOperator: Operator = {
  templated: ["source", "target"],
  async execute(call) {
    const source = requiredText(call, "source");
    const target = requiredText(call, "target");
    const overwrite = call.input["overwrite"] === true;
    mkdirSync(dirname(target), { recursive: true });
    cpSync(source, target, {
      recursive: true,
      force: overwrite,
      errorOnExist: !overwrite,
    });
    call.log.line("INFO", `copied ${source} to ${target}`);
    return { value: target };
  },
};
