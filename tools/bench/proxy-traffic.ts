// Serves, or asks, in a network namespace: `serve`, or `ask <host> <port> <seconds> <new|kept>`. Asking
// prints how many requests were answered. A process for each side.
import http from "node:http";

const clients = 8;
const [role, host = "", port = "0", seconds = "1", connections = "new"] = process.argv.slice(2);

function serve(): void {
  http
    .createServer((_request, response) => {
      response.end("ok");
    })
    .listen(8080, "0.0.0.0", () => {
      process.stdout.write("ready\n");
    });
}

function once(agent: http.Agent | false): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host, port: Number(port), agent }, (response) => {
      response.resume();
      response.on("end", resolve);
    });
    request.on("error", reject);
  });
}

async function ask(): Promise<void> {
  const agent =
    connections === "kept" ? new http.Agent({ keepAlive: true, maxSockets: clients }) : false;
  const until = performance.now() + Number(seconds) * 1_000;
  let count = 0;
  async function client(): Promise<void> {
    while (performance.now() < until) {
      await once(agent);
      count += 1;
    }
  }
  await Promise.all(Array.from({ length: clients }, client));
  if (agent !== false) agent.destroy();
  process.stdout.write(String(count));
}

if (role === "serve") serve();
else await ask();
