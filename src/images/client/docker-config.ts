import { execFile } from "node:child_process";
import { familiarName } from "#oci/reference.ts";

/** A name and a password, or a token in place of the password. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** What is read of Docker's `config.json`; the rest stays as it is. */
export interface DockerConfig {
  readonly auths?: Readonly<Record<string, DockerAuth>>;
  readonly credsStore?: string;
  readonly credHelpers?: Readonly<Record<string, string>>;
}

interface DockerAuth {
  /** `name:password` in base64. */
  readonly auth?: string;
  readonly identitytoken?: string;
}

/** Docker's name of its own registry in these files. */
const hubKey = "https://index.docker.io/v1/";
const helperMs = 10_000;

/** The key under which the credentials of a registry are kept. */
export function configKey(domain: string): string {
  return domain === "docker.io" ? hubKey : domain;
}

/** Credentials that the file itself holds. Undefined for none. */
export function storedCredentials(config: DockerConfig, domain: string): Credentials | undefined {
  const auths = config.auths ?? {};
  const names = [configKey(domain), domain, `https://${domain}`, `https://${domain}/v2/`];
  const auth = names.map((it) => auths[it]?.auth).find((it) => it !== undefined && it !== "");
  if (auth === undefined) return undefined;
  const text = Buffer.from(auth, "base64").toString();
  const colon = text.indexOf(":");
  if (colon < 1) return undefined;
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** The file with the credentials of a registry put in, or taken out. */
export function withCredentials(
  config: DockerConfig,
  domain: string,
  credentials: Credentials | undefined,
): DockerConfig {
  const key = configKey(domain);
  const auths = Object.fromEntries(
    Object.entries(config.auths ?? {}).filter(([name]) => name !== key),
  );
  if (credentials !== undefined) {
    const { username, password } = credentials;
    auths[key] = { auth: Buffer.from(`${username}:${password}`).toString("base64") };
  }
  return { ...config, auths };
}

/**
 * Credentials of a registry: of a helper program where the file names one, else of the file.
 * Undefined for none. @throws {Error} when a helper fails otherwise than by having none.
 */
export async function findCredentials(
  config: DockerConfig,
  domain: string,
): Promise<Credentials | undefined> {
  const helper = config.credHelpers?.[configKey(domain)] ?? config.credsStore;
  if (helper === undefined || !/^[\w.-]+$/.test(helper)) return storedCredentials(config, domain);
  return (await askHelper(helper, configKey(domain))) ?? storedCredentials(config, domain);
}

/** Docker's protocol: the registry on its input, `{"Username":…,"Secret":…}` on its output. */
async function askHelper(helper: string, key: string): Promise<Credentials | undefined> {
  const output = await new Promise<string>((resolve, reject) => {
    const program = `docker-credential-${helper}`;
    const child = execFile(program, ["get"], { timeout: helperMs }, (error, stdout) => {
      if (error !== null && !/credentials not found/i.test(stdout)) {
        reject(
          new Error(`${program} gives no credentials for ${familiarName(key)}`, { cause: error }),
        );
      } else resolve(error === null ? stdout : "");
    });
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(key);
  });
  if (output === "") return undefined;
  const { Username: username = "", Secret: password = "" } = JSON.parse(output) as Partial<
    Record<string, string>
  >;
  return username === "" ? undefined : { username, password };
}
