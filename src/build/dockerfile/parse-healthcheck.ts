import { parseNanoseconds } from "./duration.ts";
import { Flags } from "./flags.ts";
import type { HealthCheck } from "./instructions.ts";
import type { Statement } from "./statements.ts";
import { readJsonForm } from "./words.ts";

const intervalMin = 1e6;

/** HEALTHCHECK. @throws {Error} */
export function parseHealthCheck(statement: Statement): HealthCheck {
  const [, type = "", rest = ""] = /^(\S*)\s*([\s\S]*)$/.exec(statement.rest) ?? [];
  const kind = type.toUpperCase();
  if (kind === "") {
    throw new Error("HEALTHCHECK requires at least one argument: expected CMD command or NONE");
  }
  if (kind === "NONE") {
    if (rest !== "") throw new Error("HEALTHCHECK NONE takes no arguments");
    return { Test: ["NONE"] };
  }
  if (kind !== "CMD") throw new Error(`Unknown type "${type}" in HEALTHCHECK (try CMD)`);
  const words = readJsonForm(rest);
  const command = words ?? (rest === "" ? [] : [rest]);
  if (command.length === 0) throw new Error("Missing command after HEALTHCHECK CMD");
  const flags = new Flags(statement.flags, {
    interval: "text",
    timeout: "text",
    "start-period": "text",
    "start-interval": "text",
    retries: "text",
  });
  return {
    Test: [words === undefined ? "CMD-SHELL" : "CMD", ...command],
    ...duration("Interval", flags, "interval"),
    ...duration("Timeout", flags, "timeout"),
    ...duration("StartPeriod", flags, "start-period"),
    ...duration("StartInterval", flags, "start-interval"),
    ...retries(flags.text("retries")),
  };
}

/** Zero and a flag not given are the same: the runtime's default. */
function duration(field: string, flags: Flags, flag: string): Readonly<Record<string, number>> {
  const text = flags.text(flag);
  if (text === "") return {};
  const nanoseconds = parseNanoseconds(text);
  if (nanoseconds === undefined) {
    throw new Error(`invalid duration '${text}' for --${flag}: expected one such as 1m30s`);
  }
  if (nanoseconds === 0) return {};
  if (nanoseconds < intervalMin) throw new Error(`--${flag} cannot be less than 1ms`);
  return { [field]: nanoseconds };
}

function retries(text: string): { readonly Retries?: number } {
  if (text === "") return {};
  if (!/^[+-]?\d+$/.test(text)) {
    throw new Error(`invalid value '${text}' for --retries: expected a number`);
  }
  const count = Number(text);
  if (count < 0) throw new Error(`--retries cannot be negative (${count})`);
  return count === 0 ? {} : { Retries: count };
}
