import type { Platform } from "#build/stage/state.ts";
import { imageArchitecture } from "#oci/architecture.ts";

/**
 * This machine's platform.
 * @param wanted what the user asks for; undefined for whatever it is.
 * @throws {Error} when that is another one.
 */
export function hostPlatform(wanted: string | undefined): Platform {
  const architecture = imageArchitecture(process.arch);
  const host = `linux/${architecture}`;
  if (wanted !== undefined && wanted !== host && wanted !== "linux") {
    throw new Error(`--platform ${wanted}: images are built for this machine's platform, ${host}`);
  }
  return { os: "linux", architecture };
}
