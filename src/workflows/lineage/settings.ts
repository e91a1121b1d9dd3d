/** Where lineage events go. */
export interface LineageSettings {
  readonly url: string;
  /** Of an `api_key`; undefined without. */
  readonly apiKey: string | undefined;
  readonly namespace: string;
}

/**
 * What Airflow's variables say: `AIRFLOW__OPENLINEAGE__TRANSPORT`, a JSON object such as
 * `{"type": "http", "url": "http://…", "endpoint": "api/v1/lineage"}`, or `OPENLINEAGE_URL`.
 * Undefined when events are not wanted.
 * @throws {Error} for a transport that is not understood.
 */
export function lineageSettings(
  environment: Readonly<Record<string, string | undefined>>,
): LineageSettings | undefined {
  if (/^(true|1|t)$/i.test(environment["AIRFLOW__OPENLINEAGE__DISABLED"] ?? "")) return undefined;
  const namespace = environment["AIRFLOW__OPENLINEAGE__NAMESPACE"] ?? "default";
  const text = environment["AIRFLOW__OPENLINEAGE__TRANSPORT"] ?? "";
  if (text !== "") return { ...readTransport(text), namespace };
  const url = environment["OPENLINEAGE_URL"] ?? "";
  if (url === "") return undefined;
  const endpoint = environment["OPENLINEAGE_ENDPOINT"];
  return { url: address(url, endpoint), apiKey: environment["OPENLINEAGE_API_KEY"], namespace };
}

function readTransport(text: string): Omit<LineageSettings, "namespace"> {
  const problem = "AIRFLOW__OPENLINEAGE__TRANSPORT: expected JSON such as";
  const example = `${problem} {"type": "http", "url": "http://localhost:5000"}`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error(example, { cause });
  }
  if (typeof value !== "object" || value === null) throw new Error(example);
  const { type, url, endpoint, auth } = value as Readonly<Record<string, unknown>>;
  if (type !== "http" || typeof url !== "string") throw new Error(example);
  const key = typeof auth === "object" && auth !== null ? auth : {};
  const { apiKey, api_key: older } = key as Readonly<Record<string, unknown>>;
  const secret = apiKey ?? older;
  return {
    url: address(url, typeof endpoint === "string" ? endpoint : undefined),
    apiKey: typeof secret === "string" ? secret : undefined,
  };
}

function address(url: string, endpoint = "api/v1/lineage"): string {
  return `${url.replace(/\/+$/, "")}/${endpoint.replace(/^\/+/, "")}`;
}
