import { qualifiedNameFaults } from "#api/names.ts";
import { badRequest, StatusError } from "#api/status.ts";
import {
  checkedRequirement,
  selectorOf,
  type LabelOperator,
  type LabelRequirement,
  type LabelSelector,
} from "./label.ts";

/** Characters of a selector; longer ones are a mistake or an attack. */
export const labelSelectorLengthMax = 65_536;

/**
 * Parses the query parameter `labelSelector`: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`. The
 * empty text selects everything. Upstream: apimachinery `pkg/labels/selector.go`, `Parse`.
 *
 * @throws {StatusError} 400 with upstream's text.
 */
export function parseLabelSelector(text: string): LabelSelector {
  if (text.length > labelSelectorLengthMax) {
    throw badRequest(`label selector must be no more than ${labelSelectorLengthMax} characters`);
  }
  const tokens = new Tokens(text);
  const requirements: LabelRequirement[] = [];
  if (tokens.peek().kind === "end") return selectorOf(requirements);
  for (;;) {
    const first = tokens.peek();
    if (first.kind !== "word" && first.text !== "!") {
      const wanted = "!, identifier, or 'end of string'";
      throw unexpected(first, requirements.length === 0 ? wanted : "identifier after ','");
    }
    requirements.push(parseRequirement(tokens));
    const next = tokens.take();
    if (next.kind === "end") return selectorOf(requirements);
    if (next.text !== ",") throw unexpected(next, "',' or 'end of string'");
  }
}

function unexpected(token: Token, wanted: string): StatusError {
  return badRequest(`found '${token.text}', expected: ${wanted}`);
}

/** Errors inside a requirement carry this prefix, those between requirements do not. */
function inRequirement(error: unknown): StatusError {
  if (!(error instanceof StatusError)) throw error;
  return badRequest(`unable to parse requirement: ${error.message}`);
}

function parseRequirement(tokens: Tokens): LabelRequirement {
  try {
    return readRequirement(tokens);
  } catch (error) {
    throw inRequirement(error);
  }
}

function readRequirement(tokens: Tokens): LabelRequirement {
  let token = tokens.take();
  const isNegated = token.text === "!" && token.kind === "symbol";
  if (isNegated) token = tokens.take();
  if (token.kind !== "word") throw unexpected(token, "identifier");
  const key = token.text;
  const faults = qualifiedNameFaults(key);
  if (faults.length > 0) {
    // Upstream's path is nil here, and says so.
    throw badRequest(`<nil>: Invalid value: ${JSON.stringify(key)}: ${faults.join("; ")}`);
  }
  if (isNegated) return checkedRequirement(key, "!", []);
  const next = tokens.peek();
  if (next.kind === "end" || next.text === ",") return checkedRequirement(key, "exists", []);
  const operator = readOperator(tokens);
  const isSet = operator === "in" || operator === "notin";
  return checkedRequirement(key, operator, isSet ? readValues(tokens) : [readValue(tokens)]);
}

const binaryOperators: ReadonlyMap<string, LabelOperator> = new Map<string, LabelOperator>([
  ["in", "in"],
  ["notin", "notin"],
  ["=", "="],
  ["==", "=="],
  ["!=", "!="],
  [">", "gt"],
  ["<", "lt"],
]);

function readOperator(tokens: Tokens): LabelOperator {
  const token = tokens.take();
  const operator = binaryOperators.get(token.text);
  if (operator === undefined) throw unexpected(token, "in, notin, =, ==, !=, gt, lt");
  return operator;
}

/** The value after `=` and its like; nothing there is the empty value. */
function readValue(tokens: Tokens): string {
  const next = tokens.peek();
  if (next.kind === "end" || next.text === ",") return "";
  const token = tokens.take();
  if (token.kind !== "word") throw unexpected(token, "identifier");
  return token.text;
}

/** `(a,b)`; a comma without a word beside it stands for the empty value. */
function readValues(tokens: Tokens): string[] {
  const open = tokens.take();
  if (open.text !== "(") throw badRequest(`found '${open.text}' expected: '('`);
  const values: string[] = [];
  let isValueDue = true;
  for (;;) {
    const token = tokens.take();
    if (token.kind === "word") {
      if (!isValueDue) throw unexpected(token, "',' or ')'");
      values.push(token.text);
      isValueDue = false;
    } else if (token.text === "," || token.text === ")") {
      if (isValueDue) values.push("");
      if (token.text === ")") return values;
      isValueDue = true;
    } else {
      const atStart = values.length === 0 && isValueDue;
      const due = atStart ? "',', ')' or identifier" : "',', or identifier";
      throw unexpected(token, isValueDue ? due : "',' or ')'");
    }
  }
}

interface Token {
  readonly kind: "word" | "symbol" | "end";
  readonly text: string;
}

const end: Token = { kind: "end", text: "" };

/** The words and symbols of a selector, read from the left. */
class Tokens {
  readonly #pattern = /[ \t\r\n]*(?:([^ \t\r\n=!(),><]+)|(==|!=|[=!(),><]))?/y;
  readonly #text: string;
  #next: Token;

  constructor(text: string) {
    this.#text = text;
    this.#next = this.#read();
  }

  peek(): Token {
    return this.#next;
  }

  take(): Token {
    const token = this.#next;
    this.#next = this.#read();
    return token;
  }

  #read(): Token {
    const found = this.#pattern.exec(this.#text);
    if (found?.[1] !== undefined) return { kind: "word", text: found[1] };
    return found?.[2] === undefined ? end : { kind: "symbol", text: found[2] };
  }
}
