/** As Docker's API has it. */
export interface ProcessTable {
  readonly Titles: readonly string[];
  readonly Processes: readonly (readonly string[])[];
}

/**
 * Of what ps prints, the lines of some processes. The last column may have blanks.
 * @throws {Error} when there is no column PID.
 */
export function chooseProcesses(output: string, pids: readonly number[]): ProcessTable {
  const [header = "", ...lines] = output.split("\n");
  const titles = wordsOf(header);
  const at = titles.indexOf("PID");
  if (at < 0) throw new Error("couldn't find PID field in ps output");
  const wanted = new Set(pids.map(String));
  const rows = lines
    .filter((it) => it.trim() !== "")
    .map((line) => {
      const words = wordsOf(line);
      const last = words.slice(titles.length - 1).join(" ");
      return [...words.slice(0, titles.length - 1), last];
    });
  return { Titles: titles, Processes: rows.filter((row) => wanted.has(row[at] ?? "")) };
}

function wordsOf(line: string): string[] {
  return line.split(/\s+/).filter((it) => it !== "");
}
