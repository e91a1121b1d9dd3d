import { commandLine } from "#base/shell.ts";

/** Layers seen as one tree, by their directories' names below the step cache's `layers`. */
export interface Overlay {
  /** Relative to the working directory, the topmost first. */
  readonly lowers: readonly string[];
  /** Where changes go; undefined for a tree that is not written to. */
  readonly changes: { readonly upper: string; readonly work: string } | undefined;
  /** A directory that is there, or comes with the private files. */
  readonly at: string;
}

/** All that has to be prepared for a container. */
export interface ContainerPlan {
  /** The directory of layers; short paths from it keep the mount's options below their bound. */
  readonly directory: string;
  /** An empty directory: a tmpfs is mounted here, seen by nobody else. */
  readonly private: string;
  readonly overlays: readonly Overlay[];
  /** Held while the container runs. */
  readonly locks: readonly string[];
  /** The runtime with its arguments, up to the bundle's. */
  readonly runtime: readonly string[];
  readonly bundle: string;
  /** The container's. */
  readonly name: string;
}

/** Where the script reads the archive of the private directory's files. */
export const filesDescriptor = 3;
/** Of the tmpfs with the bundle and secrets. */
const privateBytesMax = 16 * 1_048_576;
/** The kernel takes a page of options for a mount. */
const mountOptionsBytesMax = 4_095;

/** Without helpers and without a note in a table: nobody else sees these mounts. */
const mount: readonly string[] = ["mount", "--internal-only", "--no-mtab"];
const extract: readonly string[] = [
  "tar",
  "--extract",
  "--file=-",
  "--numeric-owner",
  "--same-owner",
  "--same-permissions",
  "--touch",
];

/**
 * The script that runs a container. It runs in a mount namespace of its own, so that its mounts go
 * with it, whatever ends it.
 * @throws {Error} for more layers than one mount can have.
 */
export function containerScript(plan: ContainerPlan): string {
  const size = `size=${privateBytesMax},mode=0700`;
  const lines = [
    "set -e",
    commandLine("cd", plan.directory),
    // Each program that is started costs as much as a mount: one makes all files.
    commandLine(...mount, "-t", "tmpfs", "-o", size, "tmpfs", plan.private),
    `${commandLine(...extract, `--directory=${plan.private}`)} <&${filesDescriptor}`,
    `exec ${filesDescriptor}<&-`,
    ...plan.overlays.map(overlayLine),
    `exec ${commandLine(...locked(plan.locks, [...plan.runtime, "--bundle", plan.bundle, plan.name]))}`,
  ];
  return lines.join("\n");
}

/** Not forked, so that what ends the script ends the command. */
function locked(locks: readonly string[], command: readonly string[]): string[] {
  return [...locks.flatMap((it) => ["flock", "--no-fork", it]), ...command];
}

function overlayLine(overlay: Overlay): string {
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
  return commandLine(...mount, "-t", "overlay", "-o", options, "overlay", overlay.at);
}
