import { formatMicroTime, formatTime, parseTime } from "./time.ts";
import type { StringFormat } from "./type-table.ts";

export interface CanonicalText {
  readonly text: string;
  /** Why the text is not of its format, in Go's words. */
  readonly problem: string | undefined;
}

const canonicalTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const base64 = /^[A-Za-z0-9+/\r\n]*={0,2}[\r\n]*$/;
const duration = /^[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;

/**
 * A text in the form in which Go writes it back: times in UTC, bytes in padded base64 without
 * line breaks. Quantities pass as they are; their form is the business of quantity.ts.
 */
export function canonicalText(text: string, format: StringFormat): CanonicalText {
  switch (format) {
    case "date-time":
    case "micro-time":
      return time(text, format);
    case "byte": {
      const bare = /[\r\n]/.test(text) ? text.replaceAll(/[\r\n]/g, "") : text;
      const valid = base64.test(bare) && bare.length % 4 === 0;
      return { text: bare, problem: valid ? undefined : base64Problem(bare) };
    }
    case "duration":
      return {
        text,
        problem: duration.test(text) ? undefined : `time: invalid duration ${JSON.stringify(text)}`,
      };
    case "quantity":
      return { text, problem: undefined };
  }
}

function base64Problem(text: string): string {
  const at = text.search(/[^A-Za-z0-9+/]/);
  return `illegal base64 data at input byte ${at < 0 ? text.length : at}`;
}

function time(text: string, format: "date-time" | "micro-time"): CanonicalText {
  const at = parseTime(text);
  if (at === undefined) {
    const quoted = JSON.stringify(text);
    const layout =
      format === "date-time" ? "2006-01-02T15:04:05Z07:00" : "2006-01-02T15:04:05.000000Z07:00";
    const problem = `parsing time ${quoted} as "${layout}": cannot parse ${quoted} as RFC 3339`;
    return { text, problem };
  }
  if (format === "micro-time") return { text: formatMicroTime(at), problem: undefined };
  return { text: canonicalTime.test(text) ? text : formatTime(at), problem: undefined };
}
