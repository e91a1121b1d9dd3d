// The naive alternative to a proxy core: a handler on Node's own HTTP, in as many processes as asked
// for. `ingress-handler.ts <port> <processes> <upstream port…>`.
import cluster from "node:cluster";
import http from "node:http";

const [port = "", processes = "1", ...upstreams] = process.argv.slice(2);

function serve(): void {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
  let turn = 0;
  const server = http.createServer((request, response) => {
    const headers: http.OutgoingHttpHeaders = {
      ...request.headers,
      connection: undefined,
      "x-forwarded-for": request.socket.remoteAddress ?? "",
      "x-forwarded-proto": "http",
    };
    delete headers["connection"];
    turn = (turn + 1) % upstreams.length;
    const { method, url: path } = request;
    const options = {
      agent,
      host: "127.0.0.1",
      port: Number(upstreams[turn]),
      method,
      path,
      headers,
    };
    const forwarded = http.request(options, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    forwarded.on("error", () => {
      response.statusCode = 502;
      response.end();
    });
    request.pipe(forwarded);
  });
  server.listen(Number(port), "127.0.0.1");
}

if (cluster.isPrimary && Number(processes) > 1) {
  for (let it = 0; it < Number(processes); it++) cluster.fork();
} else serve();
