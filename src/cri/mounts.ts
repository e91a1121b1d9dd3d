/** A line of `/proc/self/mountinfo`; see proc_pid_mountinfo(5). */
export interface MountEntry {
  readonly point: string;
  /** `cgroup2`, `overlay`, `nsfs` … */
  readonly type: string;
  readonly superOptions: readonly string[];
}

export function parseMounts(mountinfo: string): MountEntry[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [left, right] = line.split(" - ");
    const point = left?.split(" ")[4];
    if (point === undefined || right === undefined) return [];
    const [type, , superOptions] = right.split(" ");
    return [
      { point: unescape(point), type: type ?? "", superOptions: (superOptions ?? "").split(",") },
    ];
  });
}

/** Mount points at or below a directory, in the order in which they can be unmounted. */
export function mountsBelow(mountinfo: string, directory: string): string[] {
  return parseMounts(mountinfo)
    .map((it) => it.point)
    .filter((it) => it === directory || it.startsWith(`${directory}/`))
    .toReversed();
}

/** Blanks and backslashes in paths are written as octal numbers. */
function unescape(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
