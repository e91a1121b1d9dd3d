/** Lines of a Dockerfile, counted from 1, both included. */
export interface Lines {
  readonly start: number;
  readonly end: number;
}

/** What is wrong with a Dockerfile and where. The message says what was expected. */
export class DockerfileError extends Error {
  override readonly name = "DockerfileError";
  readonly lines: Lines;

  constructor(lines: Lines, message: string, options?: ErrorOptions) {
    super(message, options);
    this.lines = lines;
  }
}

/** Lines of the file shown before and after the faulty ones. */
const contextLines = 2;
/** A heredoc that is at fault as a whole is not shown as a whole. */
const shownLinesMax = 12;

/**
 * The error as a person reads it: place and message, then the lines with `>>>` at those at fault.
 * @param file as the user named it.
 */
export function describeDockerfileError(
  error: DockerfileError,
  file: string,
  content: string,
): string {
  return `${file}:${error.lines.start}: ${error.message}\n${excerpt(error.lines, content)}`;
}

/** The lines with those around them, and `>>>` at those that are meant. */
export function excerpt({ start, end }: Lines, content: string): string {
  const lines = content.split("\n");
  const from = Math.max(1, start - contextLines);
  const to = Math.min(lines.length, Math.min(end, start + shownLinesMax) + contextLines);
  const shown = lines.slice(from - 1, to).map((text, index) => {
    const number = from + index;
    const mark = number >= start && number <= end ? ">>>" : "   ";
    return `${String(number).padStart(4)} | ${mark} ${text.replace(/\r$/, "")}`;
  });
  return shown.join("\n");
}
