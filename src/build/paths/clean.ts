/** The shortest path that means the same, as Go's `path.Clean`: no `.`, no `//`, no inner `..`. */
export function cleanPath(path: string): string {
  const rooted = path.startsWith("/");
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue;
    if (name !== "..") names.push(name);
    else if (names.length > 0 && names.at(-1) !== "..") names.pop();
    else if (!rooted) names.push("..");
  }
  const joined = names.join("/");
  if (rooted) return `/${joined}`;
  return joined === "" ? "." : joined;
}

/** The names of a path below a root: `..` does not leave it. */
export function pathNames(path: string): string[] {
  return cleanPath(`/${path}`)
    .split("/")
    .filter((it) => it !== "");
}
