import assert from "node:assert/strict";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LogFile } from "./write-log.ts";

function withLog(run: (path: string, descriptor: number) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "gantry-log-"));
  const path = join(folder, "gantry.log");
  const descriptor = openSync(path, "a");
  try {
    run(path, descriptor);
  } finally {
    closeSync(descriptor);
    rmSync(folder, { recursive: true });
  }
}

test("LogFile: at its bound the log is copied and begun anew, and three copies are kept", () => {
  withLog((path, descriptor) => {
    const file = LogFile.of(descriptor, path, 20);
    assert.ok(file !== undefined);
    for (let line = 0; line < 12; line++) {
      const text = `line ${String(line).padStart(3, "0")}\n`;
      file.written(text.length);
      writeSync(descriptor, text);
    }
    const names = readdirSync(join(path, "..")).sort();
    assert.deepEqual(names, ["gantry.log", "gantry.log.1", "gantry.log.2", "gantry.log.3"]);
    assert.equal(readFileSync(path, "utf8"), "line 010\nline 011\n");
    assert.equal(readFileSync(`${path}.1`, "utf8"), "line 008\nline 009\n");
    assert.equal(readFileSync(`${path}.3`, "utf8"), "line 004\nline 005\n");
  });
});

test("LogFile: a log that was there counts, another file has no bound here", () => {
  withLog((path, descriptor) => {
    writeSync(descriptor, "x".repeat(19));
    const file = LogFile.of(descriptor, path, 20);
    file?.written(5);
    assert.equal(readFileSync(path, "utf8"), "");
    assert.equal(LogFile.of(descriptor, `${path}.none`), undefined);
    assert.equal(LogFile.of(descriptor, tmpdir()), undefined);
  });
});
