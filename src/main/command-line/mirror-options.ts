import { InvalidArgumentError, Option } from "commander";

/** A registry whose images are brought here once, for all nodes. */
export interface MirroredRegistry {
  /** As in images' names: `docker.io`. */
  readonly domain: string;
  /** Who is asked for its images: itself, or a mirror of it. */
  readonly source: string;
  /** Plain HTTP, and certificates of anybody, are good enough. */
  readonly isInsecure: boolean;
}

const hostPattern = /^(?=.*[.:]|localhost$)[a-z0-9.-]+(:\d{1,5})?$/;
const mirrorsMax = 20;

/** The definition of `--registry-mirror`. */
export function registryMirrorOption(): Option {
  return new Option(
    "--registry-mirror <registry[=source]>",
    "bring this registry's images here once, for all nodes, as docker.io; from another host with =host:port; may be repeated",
  )
    .argParser(addMirror)
    .default([]);
}

/** `docker.io`, `docker.io=mirror:5000`, `docker.io=http://mirror:5000`. @throws {InvalidArgumentError} */
export function addMirror(text: string, before: readonly MirroredRegistry[]): MirroredRegistry[] {
  const at = text.indexOf("=");
  const domain = at < 0 ? text : text.slice(0, at);
  const isInsecure = text.startsWith("http://", at + 1) && at >= 0;
  const source = at < 0 ? domain : text.slice(at + 1).replace(/^https?:\/\//, "");
  if (!hostPattern.test(domain) || !hostPattern.test(source)) {
    throw new InvalidArgumentError("expected a registry as docker.io, or docker.io=host:port");
  }
  if (before.some((it) => it.domain === domain)) {
    throw new InvalidArgumentError(`${domain} has a mirror already`);
  }
  if (before.length >= mirrorsMax) {
    throw new InvalidArgumentError(`more than ${mirrorsMax} registries`);
  }
  return [...before, { domain, source, isInsecure }];
}

/** The same as arguments, for the program that `gantry up` starts. */
export function mirrorArguments(mirrors: readonly MirroredRegistry[]): string[] {
  return mirrors.flatMap(({ domain, source, isInsecure }) => {
    const from = isInsecure ? `http://${source}` : source;
    return ["--registry-mirror", `${domain}=${from}`];
  });
}
