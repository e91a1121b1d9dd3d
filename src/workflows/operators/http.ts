import type { Json } from "#api/object.ts";
import type { Connection } from "#dag/connection/connection.ts";
import { textOf, toValue } from "#dag/template/values.ts";
import { optionalText, requiredText, type Operator, type OperatorCall } from "./operator.ts";
import { waitFor } from "./sensors.ts";

/** Most bytes of an answer that is read. */
const answerSizeMax = 16 * 1024 * 1024;
/** Most characters of an answer that an error quotes. */
const quotedMax = 500;

/** Sends a request. The body of the answer is the result, decoded when it is JSON. */
export const httpOperator: Operator = {
  templated: ["endpoint", "headers", "body"],
  async execute(call) {
    const response = await request(call);
    const text = await readText(response);
    call.log.line("INFO", `answered ${response.status}, ${text.length} characters`);
    if (response.status >= 400) {
      throw new Error(`the server answered ${response.status}: ${text.slice(0, quotedMax)}`);
    }
    const isJson = response.headers.get("content-type")?.includes("json") === true;
    return { value: isJson && text !== "" ? (JSON.parse(text) as Json) : text };
  },
};

/** Looks until the server answers with a status below 400; 404 means not yet, others are failures. */
export const httpSensorOperator: Operator = {
  templated: ["endpoint", "headers", "body", "contains"],
  async execute(call) {
    const contains = optionalText(call, "contains");
    await waitFor(call, async () => {
      const response = await request(call);
      const text = await readText(response);
      call.log.line("INFO", `answered ${response.status}`);
      if (response.status === 404) return false;
      if (response.status < 400) return contains === undefined || text.includes(contains);
      throw new Error(`the server answered ${response.status}: ${text.slice(0, quotedMax)}`);
    });
    return { value: true };
  },
};

async function request(call: OperatorCall): Promise<Response> {
  const url = await urlOf(call);
  const method = optionalText(call, "method") ?? "GET";
  call.log.line("INFO", `${method} ${url.shown}`);
  return await call.fetch(url.address, {
    method,
    headers: { ...url.headers, ...headersOf(call), ...bodyType(call) },
    ...bodyOf(call),
    signal: call.context.signal,
  });
}

interface Url {
  readonly address: string;
  /** Without what may be secret. */
  readonly shown: string;
  readonly headers: Readonly<Record<string, string>>;
}

async function urlOf(call: OperatorCall): Promise<Url> {
  const endpoint = requiredText(call, "endpoint");
  const id = optionalText(call, "connection");
  if (id === undefined) return { address: endpoint, shown: withoutQuery(endpoint), headers: {} };
  const connection = await call.context.connections.get(id);
  const address = `${baseOf(connection)}/${endpoint.replace(/^\//, "")}`;
  const token = basicToken(connection);
  call.log.addSecret(token);
  const headers = token === undefined ? {} : { authorization: `Basic ${token}` };
  return { address, shown: withoutQuery(address), headers };
}

/** What goes with `Basic`; undefined for a connection without a login. */
export function basicToken({ login, password = "" }: Connection): string | undefined {
  return login === undefined ? undefined : Buffer.from(`${login}:${password}`).toString("base64");
}

/** Where the server of a connection is, without a slash at the end. */
export function baseOf({ host = "", port, schema, type }: Connection): string {
  if (host.includes("://")) return host.replace(/\/$/, "") + (port === undefined ? "" : `:${port}`);
  const protocol = schema === "https" || type === "https" ? "https" : "http";
  return `${protocol}://${host}${port === undefined ? "" : `:${port}`}`;
}

function withoutQuery(address: string): string {
  return address.split("?")[0] ?? address;
}

function headersOf(call: OperatorCall): Record<string, string> {
  const given = call.input["headers"];
  if (typeof given !== "object" || given === null || Array.isArray(given)) return {};
  return Object.fromEntries(
    Object.entries(given).map(([name, it]) => [name, textOf(toValue(it ?? ""))]),
  );
}

function bodyType(call: OperatorCall): Record<string, string> {
  const { body } = call.input;
  const named = Object.keys(headersOf(call)).some((it) => it.toLowerCase() === "content-type");
  if (named || body === undefined || body === null || typeof body === "string") return {};
  return { "content-type": "application/json" };
}

function bodyOf({ input }: OperatorCall): { readonly body?: string } {
  const { body } = input;
  if (body === undefined || body === null) return {};
  return { body: typeof body === "string" ? body : JSON.stringify(body) };
}

/** @throws {Error} when there is too much. */
async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of response.body ?? []) {
    const bytes = chunk as Uint8Array;
    size += bytes.length;
    if (size > answerSizeMax) throw new Error(`the answer has more than ${answerSizeMax} bytes`);
    text += decoder.decode(bytes, { stream: true });
  }
  return text + decoder.decode();
}
