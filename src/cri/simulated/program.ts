/** What a simulated process does, step by step. */
export type Step =
  | { readonly kind: "print"; readonly stream: "stdout" | "stderr"; readonly text: string }
  | { readonly kind: "sleep"; readonly ms: number }
  | { readonly kind: "exit"; readonly code: number }
  /** Copies stdin to stdout until stdin ends. */
  | { readonly kind: "copy-stdin" }
  /** A server: goes on until it is stopped. */
  | { readonly kind: "forever" };

/**
 * Reads a command as a program. Understood are `true`, `false`, `echo`, `sleep`, `exit`, `cat` without
 * files, and `sh -c` with a list of them; anything else is `other`: a server as a container's command,
 * a silent success in an exec. A program without `exit` ends with code 0.
 */
export function readProgram(command: readonly string[], other: "forever" | "nothing"): Step[] {
  const [program, flag, script] = command;
  const name = program?.slice(program.lastIndexOf("/") + 1);
  const isShell = name === "sh" || name === "bash" || name === "ash";
  if (isShell && command.length === 1) return [{ kind: "copy-stdin" }];
  if (!isShell || flag !== "-c" || script === undefined) return readCommand(command, other);
  const steps: Step[] = [];
  for (const part of script.split(/;|&&|\n/)) {
    const words = splitWords(part);
    if (words.length > 0) steps.push(...readCommand(words, other));
    if (steps.at(-1)?.kind === "exit" || steps.at(-1)?.kind === "forever") break;
  }
  return steps;
}

function readCommand(words: readonly string[], other: "forever" | "nothing"): Step[] {
  const [program = "", argument] = words;
  switch (program.slice(program.lastIndexOf("/") + 1)) {
    case "true":
    case ":":
      return [];
    case "false":
      return [{ kind: "exit", code: 1 }];
    case "exit":
      return [{ kind: "exit", code: Number(argument ?? 0) & 255 }];
    case "echo":
      return [readEcho(words)];
    case "sleep": {
      const ms = Number(argument) * 1000;
      return [Number.isFinite(ms) ? { kind: "sleep", ms } : { kind: "forever" }];
    }
    case "cat":
      return argument === undefined ? [{ kind: "copy-stdin" }] : [];
    default:
      return other === "forever" ? [{ kind: "forever" }] : [];
  }
}

function readEcho(words: readonly string[]): Step {
  const toError = words.at(-1) === ">&2" || words.at(-1) === "1>&2";
  const text = words.slice(1, toError ? -1 : undefined).join(" ");
  return { kind: "print", stream: toError ? "stderr" : "stdout", text: `${text}\n` };
}

/** Words of a shell command; quotes keep blanks together. */
function splitWords(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? "",
  );
}
