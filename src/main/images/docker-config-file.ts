import { homedir } from "node:os";
import { join } from "node:path";
import type { DockerConfig } from "#images/client/docker-config.ts";
import { readFileIfPresent, writeFileAtomically } from "#pki/files.ts";

/** Docker's own file of the user, which its client, podman and skopeo read too. */
function dockerConfigPath(): string {
  const folder = process.env["DOCKER_CONFIG"] ?? join(homedir(), ".docker");
  return join(folder, "config.json");
}

/** Empty when there is none. @throws {Error} naming the file when it is no JSON. */
export async function readDockerConfig(): Promise<DockerConfig> {
  const path = dockerConfigPath();
  const text = await readFileIfPresent(path);
  if (text === undefined) return {};
  try {
    return JSON.parse(text) as DockerConfig;
  } catch (cause) {
    throw new Error(`${path} is not JSON: mend or remove it`, { cause });
  }
}

/** For nobody else to read. */
export async function writeDockerConfig(config: DockerConfig): Promise<void> {
  const text = `${JSON.stringify(config, undefined, "\t")}\n`;
  await writeFileAtomically(dockerConfigPath(), text, 0o600);
}
