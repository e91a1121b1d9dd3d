import { FailError } from "#dag/authoring/context.ts";
import {
  optionalText,
  requiredText,
  Reschedule,
  type Operator,
  type OperatorCall,
} from "./operator.ts";

/** When nobody is asked for how long: once a day a task that waits looks by itself. */
const lookAgainMs = 86_400_000;
/** An answer that came while the try ended is not missed for longer than this. */
const firstLookMs = 5_000;

/** Waits for people, without a worker, until one of them has chosen. */
export const approvalOperator: Operator = {
  templated: ["subject", "body"],
  async execute(call) {
    const options = texts(call, "options") ?? ["Approve", "Reject"];
    const answer = await call.ask({
      kind: "approval",
      subject: requiredText(call, "subject"),
      body: optionalText(call, "body"),
      options,
      multiple: call.input["multiple"] === true,
    });
    const given = answer as {
      readonly chosen: readonly string[];
      readonly by: string | null;
    } | null;
    const chosen = given?.chosen ?? whenNobodyAnswers(call);
    call.log.line("INFO", `${given?.by ?? "somebody"} chose ${chosen.join(", ")}`);
    const value = { chosenOptions: [...chosen], by: given?.by ?? null };
    if (call.input["isApproval"] !== true || !chosen.includes("Reject")) return { value };
    if (call.input["failOnReject"] === true) throw new FailError("it was rejected");
    return { value, stopped: true };
  },
};

/** The defaults once the time is over. @throws {Reschedule} before that. */
function whenNobodyAnswers(call: OperatorCall): readonly string[] {
  const { timeoutMs } = call.input;
  const now = call.clock.now();
  const end = typeof timeoutMs === "number" ? call.job.firstStartedAt + timeoutMs : Infinity;
  if (now < end) {
    const isFirst = now - call.job.firstStartedAt < firstLookMs;
    throw new Reschedule(Math.min(end, now + (isFirst ? firstLookMs : lookAgainMs)));
  }
  const defaults = texts(call, "defaults");
  if (defaults !== undefined) return defaults;
  throw new FailError(`nobody answered within ${Number(timeoutMs) / 1_000} seconds`);
}

function texts({ input }: OperatorCall, name: string): readonly string[] | undefined {
  const value = input[name];
  if (!Array.isArray(value) || value.length === 0) return undefined;
  return value.map(String);
}
