/** `NAME=value` lines, each name once; the order is that of first mention. */
export type Environment = readonly string[];

export function nameOf(line: string): string {
  const at = line.indexOf("=");
  return at === -1 ? line : line.slice(0, at);
}

/** The environment with a variable added, or with another value at its old place. */
export function withVariable(environment: Environment, name: string, value: string): Environment {
  const line = `${name}=${value}`;
  const known = environment.some((it) => nameOf(it) === name);
  if (!known) return [...environment, line];
  return environment.map((it) => (nameOf(it) === name ? line : it));
}

/** Undefined for a variable that is not set. */
export function valueOf(environment: Environment, name: string): string | undefined {
  return environment.find((it) => nameOf(it) === name)?.slice(name.length + 1);
}
