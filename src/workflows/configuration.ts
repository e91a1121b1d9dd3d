/** Settings by section and option, under Airflow's names. */
export type Configuration = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** What the settings of an installation are made of. */
export interface Configured {
  readonly dagsFolder: string;
  readonly logsFolder: string;
  /** `postgres://…`; undefined for SQLite below the data directory. */
  readonly database: string | undefined;
  readonly apiHost: string;
  readonly apiPort: number;
  /** Settings that are taken from the environment, `AIRFLOW__SECTION__OPTION`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What stands for values that are secret. */
const hidden = "< hidden >";

/** Settings of the environment that are looked at, in Airflow's sections. */
const taken: readonly (readonly [section: string, option: string, fallback: string])[] = [
  ["core", "dag_ignore_file_syntax", "glob"],
  ["core", "test_connection", "Disabled"],
  ["openlineage", "transport", ""],
  ["openlineage", "namespace", "default"],
  ["openlineage", "disabled", "False"],
  ["api", "expose_config", "False"],
];

/** Options whose value says how to reach something, password and all. */
const secret = new Set(["sql_alchemy_conn", "transport"]);

/** The settings as they are shown: what is secret is not. */
export function configurationOf(it: Configured): Configuration {
  const sections = new Map<string, Map<string, string>>();
  function add(section: string, option: string, value: string): void {
    const options = sections.get(section) ?? new Map<string, string>();
    sections.set(section, options);
    options.set(option, secret.has(option) && value !== "" ? hidden : value);
  }
  add("core", "dags_folder", it.dagsFolder);
  add("core", "default_timezone", "utc");
  add("logging", "base_log_folder", it.logsFolder);
  add("database", "sql_alchemy_conn", it.database ?? "sqlite");
  add("api", "host", it.apiHost);
  add("api", "port", String(it.apiPort));
  add("api", "maximum_page_limit", "100");
  add("api", "fallback_page_limit", "50");
  for (const [section, option, fallback] of taken) {
    add(section, option, it.environment[environmentName(section, option)] ?? fallback);
  }
  return sections;
}

function environmentName(section: string, option: string): string {
  return `AIRFLOW__${section}__${option}`.toUpperCase();
}

/** Whether connections may be tested; Airflow's `[core] test_connection`. */
export function isConnectionTested(environment: Configured["environment"]): boolean {
  const value = environment[environmentName("core", "test_connection")] ?? "";
  return value.trim().toLowerCase() === "enabled";
}

/** Whether the REST API may show the settings; Airflow's `[api] expose_config`. */
export function isConfigurationShown(environment: Configured["environment"]): boolean {
  const value = environment[environmentName("api", "expose_config")] ?? "";
  return ["true", "t", "1", "yes", "y", "on", "non-sensitive-only"].includes(value.toLowerCase());
}
