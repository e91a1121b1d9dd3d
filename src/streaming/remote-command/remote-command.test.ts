import assert from "node:assert/strict";
import { test } from "node:test";
import {
  canResize,
  encodeChannelClose,
  encodeChannelMessage,
  encodeTerminalSize,
  parseChannelMessage,
  readTerminalSizes,
  remoteCommandProtocols,
  writesStatus,
} from "./channels.ts";
import { type CommandResult, encodeExitStatus, parseExitStatus } from "./exit-status.ts";

const results: CommandResult[] = [
  { kind: "exit", code: 0 },
  { kind: "exit", code: 1 },
  { kind: "exit", code: 137 },
];
for (const result of results) {
  test(`exit status: ${JSON.stringify(result)} comes back`, () => {
    assert.deepEqual(parseExitStatus(encodeExitStatus(result).toString()), result);
  });
}

const texts: [text: string, want: CommandResult][] = [
  ["", { kind: "exit", code: 0 }],
  ["no such container\n", { kind: "error", message: "no such container" }],
  ["[1]", { kind: "error", message: "[1]" }],
  ['{"status":"Failure","message":"boom"}', { kind: "error", message: "boom" }],
  [
    encodeExitStatus({ kind: "error", message: "no shell" }).toString(),
    { kind: "error", message: "Internal error occurred: no shell" },
  ],
];
for (const [text, want] of texts) {
  test(`exit status: reads ${text.slice(0, 40)}`, () => {
    assert.deepEqual(parseExitStatus(text), want);
  });
}

test("channels: messages and half-closes come back", () => {
  const data = Buffer.from("ls");
  assert.deepEqual(parseChannelMessage(encodeChannelMessage(0, data)), {
    kind: "data",
    channel: 0,
    data,
  });
  assert.deepEqual(parseChannelMessage(encodeChannelClose(0)), { kind: "close", channel: 0 });
  assert.equal(parseChannelMessage(Buffer.alloc(0)), undefined);
  assert.equal(parseChannelMessage(Buffer.of(255)), undefined);
});

test("channels: what each protocol can do", () => {
  assert.deepEqual(
    remoteCommandProtocols.map((it) => [it, writesStatus(it), canResize(it)]),
    [
      ["v5.channel.k8s.io", true, true],
      ["v4.channel.k8s.io", true, true],
      ["v3.channel.k8s.io", false, true],
      ["v2.channel.k8s.io", false, false],
      ["channel.k8s.io", false, false],
    ],
  );
});

test("channels: terminal sizes, however split; nonsense ends them", async () => {
  async function* input(): AsyncGenerator<Uint8Array> {
    const bytes = Buffer.concat([encodeTerminalSize(80, 24), encodeTerminalSize(100, 50)]);
    for (const byte of bytes) yield Buffer.of(byte);
    yield Buffer.from('{"Width":"wide"}');
    yield encodeTerminalSize(1, 1);
  }
  const sizes: unknown[] = [];
  for await (const size of readTerminalSizes(input())) sizes.push(size);
  assert.deepEqual(sizes, [
    { columns: 80, rows: 24 },
    { columns: 100, rows: 50 },
  ]);
});
