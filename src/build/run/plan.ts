import { commandLine, quoteWord } from "#base/shell.ts";

/** Layers seen as one tree, by their directories' names below the step cache's `layers`. */
export interface Overlay {
  /** Relative to the working directory, the topmost first. */
  readonly lowers: readonly string[];
  /** Where changes go; undefined for a tree that is not written to. */
  readonly changes: { readonly upper: string; readonly work: string } | undefined;
  readonly at: string;
}

/** A file that only the container sees; its content comes through a pipe. */
export interface PipedFile {
  /** Number of the file descriptor. */
  readonly descriptor: number;
  /** Below the private directory. */
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** All that has to be prepared for a container. */
export interface ContainerPlan {
  /** The directory of layers; short paths from it keep the mount's options below their bound. */
  readonly directory: string;
  /** An empty directory: a tmpfs is mounted here, seen by nobody else. */
  readonly private: string;
  readonly overlays: readonly Overlay[];
  readonly files: readonly PipedFile[];
  /** Held while the container runs. */
  readonly locks: readonly string[];
  /** The runtime with its arguments, up to the bundle's. */
  readonly runtime: readonly string[];
  readonly bundle: string;
  /** The container's. */
  readonly name: string;
}

/** Of the tmpfs with the bundle and secrets. */
const privateBytesMax = 16 * 1_048_576;
/** The kernel takes a page of options for a mount. */
const mountOptionsBytesMax = 4_095;

/**
 * The script that runs a container. It runs in a mount namespace of its own, so that its mounts go
 * with it, whatever ends it.
 * @throws {Error} for more layers than one mount can have.
 */
export function containerScript(plan: ContainerPlan): string {
  const lines = [
    "set -e",
    commandLine("cd", plan.directory),
    commandLine(
      "mount",
      "-t",
      "tmpfs",
      "-o",
      `size=${privateBytesMax},mode=0700`,
      "tmpfs",
      plan.private,
    ),
    ...plan.files.flatMap((file) => fileLines(plan.private, file)),
    ...plan.overlays.flatMap(overlayLines),
    `exec ${commandLine(...locked(plan.locks, [...plan.runtime, "--bundle", plan.bundle, plan.name]))}`,
  ];
  return lines.join("\n");
}

/** Not forked, so that what ends the script ends the command. */
function locked(locks: readonly string[], command: readonly string[]): string[] {
  return [...locks.flatMap((it) => ["flock", "--no-fork", it]), ...command];
}

function fileLines(directory: string, file: PipedFile): string[] {
  const path = `${directory}/${file.name}`;
  const parent = path.slice(0, path.lastIndexOf("/"));
  return [
    commandLine("mkdir", "-p", parent),
    `cat <&${file.descriptor} >${quoteWord(path)}`,
    `exec ${file.descriptor}<&-`,
    commandLine("chmod", file.mode.toString(8), path),
    ...(file.uid === 0 && file.gid === 0
      ? []
      : [commandLine("chown", `${file.uid}:${file.gid}`, path)]),
  ];
}

function overlayLines(overlay: Overlay): string[] {
  const { upper, work } = overlay.changes ?? { upper: "", work: "" };
  const options = [
    `lowerdir=${overlay.lowers.join(":")}`,
    ...(overlay.changes === undefined ? ["ro"] : [`upperdir=${upper}`, `workdir=${work}`]),
    // Renamed directories are copied and files whole, so that a layer is what its directory holds.
    "index=off",
    "redirect_dir=off",
    "metacopy=off",
  ].join(",");
  if (options.length > mountOptionsBytesMax) {
    throw new Error(
      `the stage has ${overlay.lowers.length} layers, more than one mount takes: join some RUN and COPY instructions`,
    );
  }
  return [
    commandLine("mkdir", "-p", overlay.at),
    commandLine("mount", "-t", "overlay", "-o", options, "overlay", overlay.at),
  ];
}
