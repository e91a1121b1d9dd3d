import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { SpdySession } from "./spdy/session.ts";
import { acceptSpdyUpgrade, openUpgrade, UpgradeRefusedError } from "./upgrade.ts";

const never = new AbortController().signal;

async function serve(
  upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void,
): Promise<{ server: Server; url: URL }> {
  const server = createServer((_request, response) => {
    response.writeHead(404).end("no such exec");
  });
  server.on("upgrade", upgrade);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return { server, url: new URL(`http://127.0.0.1:${address.port}/exec`) };
}

const cases: [offered: string[], supported: string[], want: string | undefined][] = [
  [["v4.channel.k8s.io"], ["v4.channel.k8s.io"], "v4.channel.k8s.io"],
  [["v5", "v4", "v3"], ["v3", "v4"], "v4"],
  [["v9"], ["v4"], undefined],
  [[], ["v4"], ""],
];

for (const [offered, supported, want] of cases) {
  test(`upgrade: offered [${offered.join(" ")}] of [${supported.join(" ")}] -> ${want ?? "403"}`, async () => {
    const { server, url } = await serve((request, socket) => {
      const chosen = acceptSpdyUpgrade(request, socket, supported);
      if (chosen !== undefined) new SpdySession(socket, { role: "server" }).close();
    });
    const headers = offered.length === 0 ? {} : { "x-stream-protocol-version": offered };
    const opening = openUpgrade({ url, method: "POST", upgrade: "SPDY/3.1", headers }, never);
    if (want === undefined) {
      await assert.rejects(opening, (error) => {
        assert.ok(error instanceof UpgradeRefusedError);
        assert.equal(error.statusCode, 403);
        return true;
      });
    } else {
      const upgraded = await opening;
      assert.equal(upgraded.headers["x-stream-protocol-version"] ?? "", want);
      const session = new SpdySession(upgraded.connection, { role: "client", head: upgraded.head });
      await session.closed;
    }
    server.close();
  });
}

test("upgrade: a server that answers without upgrading is an error with its status and text", async () => {
  const { server, url } = await serve(() => undefined);
  server.removeAllListeners("upgrade");
  await assert.rejects(
    openUpgrade({ url, method: "POST", upgrade: "SPDY/3.1", headers: {} }, never),
    /refused the upgrade with status 404: no such exec/,
  );
  server.close();
});
