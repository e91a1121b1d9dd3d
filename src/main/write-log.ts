/**
 * Writes a line of the log. One that cannot be written, for the disk is full, is lost: that is no
 * reason to end what runs.
 */
export function writeLog(line: string): void {
  if (process.stderr.listenerCount("error") === 0) {
    process.stderr.on("error", () => undefined);
  }
  process.stderr.write(line);
}
