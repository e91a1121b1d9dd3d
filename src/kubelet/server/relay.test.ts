import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import type { ProcessSession, SessionResult } from "#cri/runtime.ts";
import { ByteInbox } from "#streaming/byte-inbox.ts";
import { encodeTerminalSize } from "#streaming/remote-command/channels.ts";
import type { CommandStreams } from "#streaming/remote-command/command-streams.ts";
import { eventually } from "#testing/eventually.ts";
import { lingerMs, relay, unreadInputMs, type RelayOptions } from "./relay.ts";

/** Both ends in memory; `log` says what happened, in order. */
class Ends {
  readonly log: string[] = [];
  readonly stdout = new ByteInbox(1024);
  readonly stderr = new ByteInbox(1024);
  readonly stdin = new ByteInbox(1024);
  readonly resizes = new ByteInbox(1024);
  readonly result = Promise.withResolvers<SessionResult>();
  readonly left = Promise.withResolvers<undefined>();
  /** Set to make the process refuse its input, or the client its output. */
  stdinError: Error | undefined;
  stdoutError: Error | undefined;
  leavesWhenTold = true;
  /** The process takes no input and its runtime does not say that it ended. */
  stdinStuck = false;

  get session(): ProcessSession {
    return {
      stdout: this.stdout,
      stderr: this.stderr,
      writeStdin: (chunk) => {
        if (this.stdinError !== undefined) return Promise.reject(this.stdinError);
        if (this.stdinStuck) return this.result.promise.then(() => undefined);
        this.log.push(`process reads ${Buffer.from(chunk).toString()}`);
        return Promise.resolve();
      },
      endStdin: () => this.log.push("process reads end"),
      resize: (columns, rows) => this.log.push(`process is ${columns}x${rows}`),
      result: this.result.promise,
      close: () => {
        this.log.push("session closed");
        this.processEnds(137);
      },
    };
  }

  get client(): CommandStreams {
    return {
      stdin: this.stdin,
      resizes: this.resizes,
      writeStdout: (chunk) => {
        if (this.stdoutError !== undefined) return Promise.reject(this.stdoutError);
        this.log.push(`client reads ${Buffer.from(chunk).toString()}`);
        return Promise.resolve();
      },
      writeStderr: (chunk) => {
        this.log.push(`client reads error ${Buffer.from(chunk).toString()}`);
        return Promise.resolve();
      },
      finish: (result) => {
        this.log.push(`client hears ${JSON.stringify(result)}`);
        if (this.leavesWhenTold) this.clientLeaves();
        return Promise.resolve();
      },
      closed: this.left.promise,
      destroy: () => {
        this.log.push("client dropped");
        this.clientLeaves();
      },
    };
  }

  processEnds(code: number): void {
    this.stdout.end();
    this.stderr.end();
    this.result.resolve({ kind: "exit", code });
  }

  clientLeaves(): void {
    this.stdin.end();
    this.resizes.end();
    this.left.resolve(undefined);
  }
}

function options(clock = new FakeClock()): RelayOptions {
  return { clock, hasOutput: true };
}

test("relay: input, sizes, both outputs, and the result last", async () => {
  const ends = new Ends();
  const done = relay(ends.session, ends.client, options());
  ends.stdin.push(Buffer.from("in"));
  ends.stdin.end();
  ends.resizes.push(encodeTerminalSize(80, 24));
  ends.resizes.end();
  ends.stdout.push(Buffer.from("out"));
  ends.stderr.push(Buffer.from("err"));
  ends.processEnds(3);
  await done;
  assert.deepEqual(ends.log.toSorted(), [
    'client hears {"kind":"exit","code":3}',
    "client reads error err",
    "client reads out",
    "process is 80x24",
    "process reads end",
    "process reads in",
  ]);
});

test("relay: a process that reads no more still tells its result", async () => {
  const ends = new Ends();
  ends.stdinError = new Error("stdin is closed");
  const done = relay(ends.session, ends.client, options());
  ends.stdin.push(Buffer.from("too late"));
  ends.stdout.push(Buffer.from("out"));
  ends.processEnds(0);
  await done;
  assert.ok(ends.log.includes('client hears {"kind":"exit","code":0}'));
});

test("relay: when the client leaves, the session is closed", async () => {
  const ends = new Ends();
  const done = relay(ends.session, ends.client, options());
  ends.clientLeaves();
  await done;
  assert.ok(ends.log.includes("session closed"));
});

test("relay: a client that takes no more output has left", async () => {
  const ends = new Ends();
  ends.stdoutError = new Error("broken pipe");
  const done = relay(ends.session, ends.client, options());
  ends.stdout.push(Buffer.from("out"));
  ends.stderr.end();
  await done;
  assert.ok(ends.log.includes("session closed"));
});

test("relay: a client that does not close when told the result is dropped", async () => {
  const clock = new FakeClock();
  const ends = new Ends();
  ends.leavesWhenTold = false;
  const done = relay(ends.session, ends.client, options(clock));
  ends.processEnds(0);
  await eventually(() => {
    assert.ok(ends.log.some((it) => it.startsWith("client hears")));
  });
  assert.ok(!ends.log.includes("client dropped"));
  await clock.advance(lingerMs);
  await done;
  assert.ok(ends.log.includes("client dropped"));
});

test("relay: a command that ended over unread input does not hang", async () => {
  const clock = new FakeClock();
  const ends = new Ends();
  ends.stdinStuck = true;
  const done = relay(ends.session, ends.client, options(clock));
  ends.stdin.push(Buffer.from("nobody reads it"));
  ends.stdout.end();
  ends.stderr.end();
  await eventually(async () => {
    await clock.advance(unreadInputMs);
    assert.ok(ends.log.some((it) => it.includes("ended without reading its input")));
  });
  await done;
  assert.ok(ends.log.includes("session closed"));
});

test("relay: a command without outputs may take its time", async () => {
  const clock = new FakeClock();
  const ends = new Ends();
  const done = relay(ends.session, ends.client, options(clock));
  ends.stdout.end();
  ends.stderr.end();
  for (let round = 0; round < 5; round += 1) {
    await clock.advance(unreadInputMs);
    await new Promise((resolve) => setImmediate(resolve));
  }
  ends.processEnds(4);
  await done;
  assert.deepEqual(ends.log, ['client hears {"kind":"exit","code":4}', "process reads end"]);
});

test("relay: the client of a session that breaks off is told, and not dropped", async () => {
  const ends = new Ends();
  const done = relay(ends.session, ends.client, options());
  ends.stdout.push(Buffer.from("out"));
  ends.stdout.end(new Error("connection reset"));
  ends.stderr.end();
  await done;
  assert.deepEqual(ends.log.slice(0, 2), ["client reads out", "session closed"]);
  assert.ok(ends.log.some((it) => it.startsWith("client hears")));
  assert.ok(!ends.log.includes("client dropped"));
});
