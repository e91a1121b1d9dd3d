import assert from "node:assert/strict";
import { test } from "node:test";
import { RuntimeError } from "#cri/runtime.ts";
import { eventuallyAnswers } from "#testing/eventually.ts";
import { readAll, readText } from "./read-output.ts";
import type { RuntimeTester } from "./tester.ts";

const allStreams = { stdin: true, stdout: true, stderr: true, tty: false };

export function sessionTests(get: () => RuntimeTester): void {
  test("exec: stdin goes in and out again, its end ends the command", async () => {
    const tester = get();
    await tester.withContainer(["sleep", "3600"], async ({ id }) => {
      const options = { ...allStreams, command: ["cat"] };
      const session = await tester.runtime.exec(id, options, tester.signal);
      const reading = readText(session.stdout);
      await session.writeStdin(Buffer.from("first "));
      await session.writeStdin(Buffer.from("second"));
      session.endStdin();
      assert.equal(await reading, "first second");
      assert.deepEqual(await session.result, { kind: "exit", code: 0 });
    });
  });

  test("exec: 5 MiB through stdin and stdout arrive whole", async () => {
    const tester = get();
    await tester.withContainer(["sleep", "3600"], async ({ id }) => {
      const options = { ...allStreams, command: ["cat"] };
      const session = await tester.runtime.exec(id, options, tester.signal);
      const sent = Buffer.alloc(5 * 1024 * 1024, "0123456789abcdef-");
      const reading = readAll(session.stdout);
      for (let at = 0; at < sent.length; at += 100_000) {
        await session.writeStdin(sent.subarray(at, at + 100_000));
      }
      session.endStdin();
      assert.ok((await reading).equals(sent));
      assert.deepEqual(await session.result, { kind: "exit", code: 0 });
    });
  });

  test("exec: outputs apart, and the exit code", async () => {
    const tester = get();
    await tester.withContainer(["sleep", "3600"], async ({ id }) => {
      const command = ["sh", "-c", "echo out; echo err >&2; exit 7"];
      const options = { ...allStreams, stdin: false, command };
      const session = await tester.runtime.exec(id, options, tester.signal);
      const [stdout, stderr] = await Promise.all([
        readText(session.stdout),
        readText(session.stderr),
      ]);
      assert.deepEqual([stdout, stderr], ["out\n", "err\n"]);
      assert.deepEqual(await session.result, { kind: "exit", code: 7 });
    });
  });

  test("exec: on a terminal the outputs are one, and it can be resized", async () => {
    const tester = get();
    await tester.withContainer(["sleep", "3600"], async ({ id }) => {
      const command = ["sh", "-c", "echo out; echo err >&2"];
      const options = { ...allStreams, tty: true, command };
      const session = await tester.runtime.exec(id, options, tester.signal);
      session.resize(100, 40);
      const [stdout, stderr] = await Promise.all([
        readText(session.stdout),
        readText(session.stderr),
      ]);
      assert.deepEqual([stdout.replaceAll("\r", ""), stderr], ["out\nerr\n", ""]);
      assert.deepEqual(await session.result, { kind: "exit", code: 0 });
    });
  });

  test("exec: closing it settles the result", async () => {
    const tester = get();
    await tester.withContainer(["sleep", "3600"], async ({ id }) => {
      const options = { ...allStreams, command: ["sleep", "600"] };
      const session = await tester.runtime.exec(id, options, tester.signal);
      session.close();
      assert.equal((await session.result).kind, "error");
    });
  });

  test("exec: aborting its signal settles the result", async () => {
    const tester = get();
    await tester.withContainer(["sleep", "3600"], async ({ id }) => {
      const stop = new AbortController();
      const options = { ...allStreams, command: ["sleep", "600"] };
      const session = await tester.runtime.exec(id, options, stop.signal);
      stop.abort(new Error("the client left"));
      assert.equal((await session.result).kind, "error");
    });
  });

  test("attach: reads and writes the container's own streams; ends with it", async () => {
    const tester = get();
    await tester.withContainer(
      ["cat"],
      async ({ id }) => {
        const session = await tester.runtime.attach(id, allStreams, tester.signal);
        await session.writeStdin(Buffer.from("to the container\n"));
        let text = "";
        for await (const chunk of session.stdout) {
          text += Buffer.from(chunk).toString();
          if (text.includes("\n")) break;
        }
        assert.equal(text, "to the container\n");
        await tester.runtime.stopContainer(id, 0, tester.signal);
        assert.deepEqual(await session.result, { kind: "exit", code: 0 });
      },
      { stdin: true },
    );
  });

  test("portForward: bytes both ways to a port of the sandbox", async () => {
    const tester = get();
    const server = ["nc", "-ll", "-p", "7000", "-e", "cat"];
    await tester.withContainer(server, async ({ sandboxId }) => {
      // The server needs a moment to listen; a refused connection is an end without an echo.
      const echoed = await eventuallyAnswers(
        () => echo(tester, sandboxId),
        (it) => it !== "",
      );
      assert.equal(echoed, "hello");
    });
  });
}

async function echo(tester: RuntimeTester, sandboxId: string): Promise<string> {
  const stream = await tester.runtime.portForward(sandboxId, 7000, tester.signal);
  try {
    await stream.write(Buffer.from("hello"));
    for await (const chunk of stream.output) return Buffer.from(chunk).toString();
    return "";
  } catch (error) {
    if (error instanceof RuntimeError) return "";
    throw error;
  } finally {
    stream.close();
  }
}
