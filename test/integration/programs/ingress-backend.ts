// What the tests of ingresses have behind them, in the network of a pod: HTTP/1.1 with WebSocket on
// 8080, HTTP/2 without TLS on 9090, HTTPS on 9443. Its argument is a BackendOptions as JSON. It says
// `ready` when it serves.
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import { WebSocketServer } from "ws";

export interface BackendOptions {
  readonly name: string;
  /** Of the HTTPS server. */
  readonly certificate: string;
  readonly key: string;
}

/** What it answers to all but a few paths. */
export interface Seen {
  readonly name: string;
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
}

const { name, certificate, key } = JSON.parse(process.argv[2] ?? "{}") as BackendOptions;
/** Answers that have begun and wait for `/release`. */
const held = new Set<http.ServerResponse>();

function answer(request: http.IncomingMessage, response: http.ServerResponse): void {
  const { method = "", url = "", headers } = request;
  switch (url) {
    case "/hold":
      response.write("first\n");
      held.add(response);
      return;
    case "/release":
      for (const it of held) it.end("last\n");
      held.clear();
      response.end();
      return;
    case "/echo":
      response.writeHead(200);
      request.pipe(response);
      return;
    case "/silence":
      return;
    case "/hop":
      response.setHeader("connection", "x-hop");
      response.setHeader("x-hop", "1");
      response.end();
      return;
  }
  request.resume();
  const seen: Seen = { name, method, url, headers };
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(seen));
}

const plain = http.createServer(answer);
const sockets = new WebSocketServer({ server: plain });
sockets.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => {
    socket.send(data, { binary: isBinary });
  });
});

const clear = http2.createServer();
clear.on("stream", (stream, headers) => {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => {
    stream.sendTrailers({ "grpc-status": "0" });
  });
  stream.end(`${name} ${headers[":path"] ?? ""} HTTP/${stream.session?.alpnProtocol ?? ""}`);
});

const secure = https.createServer({ cert: certificate, key }, answer);

await Promise.all([
  new Promise<void>((resolve) => plain.listen(8080, resolve)),
  new Promise<void>((resolve) => clear.listen(9090, resolve)),
  new Promise<void>((resolve) => secure.listen(9443, resolve)),
]);
process.stdout.write("ready\n");
