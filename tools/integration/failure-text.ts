/** Of one file: enough for its failures' messages, and three such files fit the end of a log. */
const linesMax = 60;
const lineLengthMax = 300;

/** Frames of a stack inside Node name nothing that failed. */
const innerFramePattern = /^\s+at .*node:internal\/[^)\s]*\)?( \{)?$/;

/** All that the section says of a file that threw outside of its tests. */
const didNotLoad = "'test failed'";

/**
 * What failed, from the output of `node --test --test-reporter=spec`: its section of failing tests,
 * with their errors. Of an output without one (the file was killed, or did not load), its end.
 * At most 60 lines of at most 300 characters.
 */
export function failureText(output: string): string {
  const marker = output.lastIndexOf("✖ failing tests:");
  const section = marker < 0 ? "" : output.slice(output.indexOf("\n", marker) + 1).trim();
  const found = section !== "" && !section.endsWith(didNotLoad);
  const lines = (found ? section : output)
    .trim()
    .split("\n")
    .map(withoutInnerFrame)
    .filter((it) => it !== undefined)
    .map((it) => (it.length > lineLengthMax ? `${it.slice(0, lineLengthMax)}…` : it));
  if (lines.length <= linesMax) return lines.join("\n");
  const left = `… ${lines.length - linesMax} lines more`;
  const kept = found ? [...lines.slice(0, linesMax), left] : [left, ...lines.slice(-linesMax)];
  return kept.join("\n");
}

/** The brace that opens the error's own fields is kept, so that the closing one has a partner. */
function withoutInnerFrame(line: string): string | undefined {
  const frame = innerFramePattern.exec(line);
  if (frame === null) return line;
  return frame[1] === undefined ? undefined : "  {";
}
