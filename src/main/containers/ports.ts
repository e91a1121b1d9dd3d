import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import type { ImageFacts, ImageHealth } from "#containers/options.ts";
import type { RunPorts } from "#containers/run/ports.ts";
import { pathsBelow, runDirectoryOf } from "#main/process/paths.ts";

/** Signals of ours that are a container's. */
const forwarded = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;

/** What running containers needs of this machine. */
export function containerPorts(dataDir: string): RunPorts {
  return {
    clock: systemClock,
    random: systemRandom,
    randomHex: (bytes) => randomBytes(bytes).toString("hex"),
    environment: (name) => process.env[name],
    readText: (path) => readFile(path, "utf8"),
    resolvePath: (path) =>
      path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : resolve(path),
    exists: existsSync,
    image: (name) => imageFacts(name, dataDir),
    onSignal(listener) {
      const listeners = forwarded.map((name) => {
        const heard = (): void => {
          listener(name.slice("SIG".length));
        };
        process.on(name, heard);
        return () => process.off(name, heard);
      });
      return () => {
        for (const stop of listeners) stop();
      };
    },
  };
}

/** Of an image's config: docker image-spec v1.2, OCI image-spec `config.md`. */
interface DockerConfig {
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly StopSignal?: string;
  readonly Healthcheck?: ImageHealth;
}

/** Undefined, too, where the store is another user's: the node asks it in any case. */
async function imageFacts(name: string, dataDir: string): Promise<ImageFacts | undefined> {
  const paths = pathsBelow(dataDir, runDirectoryOf(dataDir));
  if (!existsSync(paths.images)) return undefined;
  const { openImages } = await import("#main/images/open-images.ts");
  const { imageWorld } = await import("#main/images/verbs.ts");
  const { findImage } = await import("#images/verbs/find-image.ts");
  const { viewImage } = await import("#images/verbs/image-view.ts");
  try {
    await using store = await openImages(paths, silentLogger);
    const world = await imageWorld(store, paths);
    const view = await viewImage(store, await findImage(world, name), world.platform);
    const config: DockerConfig | undefined = view?.config.config;
    if (config === undefined) return undefined;
    return {
      command: [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])],
      exposed: Object.keys(config.ExposedPorts ?? {}),
      stopSignal: config.StopSignal,
      health: config.Healthcheck,
    };
  } catch {
    return undefined; // Not ours to read, or no such image.
  }
}
