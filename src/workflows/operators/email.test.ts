import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import type { Connection } from "#dag/connection/connection.ts";
import { emailOperator } from "./email.ts";
import type { OperatorCall } from "./operator.ts";

/** A mail server that takes everything. @returns its port, and what it was told. */
async function mailServer(): Promise<
  { readonly port: number; readonly told: readonly string[] } & AsyncDisposable
> {
  const told: string[] = [];
  const server = createServer((socket) => {
    let isBody = false;
    socket.setEncoding("utf8").write("220 here\r\n");
    socket.on("data", (text: string) => {
      told.push(text);
      if (isBody) {
        if (!text.endsWith("\r\n.\r\n")) return;
        isBody = false;
        socket.write("250 kept as 1\r\n");
      } else if (text.startsWith("DATA")) {
        isBody = true;
        socket.write("354 go on\r\n");
      } else if (text.startsWith("QUIT")) socket.end("221 bye\r\n");
      else socket.write("250 fine\r\n");
    });
    socket.on("error", () => undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    told,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, "close");
    },
  };
}

function callOf(connection: Connection, input: OperatorCall["input"]): OperatorCall {
  const log = { line: () => undefined };
  const context = { connections: { get: async () => connection } };
  return { input, context, log } as object as OperatorCall;
}

test("email: a mail reaches the server of the connection", async () => {
  await using server = await mailServer();
  const connection: Connection = {
    id: "smtp_default",
    type: "smtp",
    host: "127.0.0.1",
    port: server.port,
    extra: '{"disable_ssl": true, "disable_tls": true, "from_email": "shop@example.org"}',
  };
  const input = { to: "a@example.org, b@example.org", subject: "Sums", content: "<b>127.5</b>" };
  const { value } = await emailOperator.execute(callOf(connection, input));
  assert.equal(typeof value, "string");
  const said = server.told.join("");
  assert.match(said, /MAIL FROM:<shop@example\.org>/);
  assert.match(
    said,
    /RCPT TO:<a@example\.org>\r\nRCPT TO:<b@example\.org>|RCPT TO:<b@example\.org>/,
  );
  assert.match(said, /Subject: Sums/);
  assert.match(said, /<b>127\.5<\/b>/);
});

test("email: a mail to nobody is refused", async () => {
  const connection: Connection = { id: "smtp_default", type: "smtp", login: "me" };
  const input = { to: "", subject: "x", content: "y" };
  await assert.rejects(emailOperator.execute(callOf(connection, input)), /'to' names nobody/);
});
