import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Resolver } from "./resolver.ts";
import { MessageReader, framed } from "./tcp-messages.ts";
import { messageBytesMax } from "./wire/codes.ts";

export interface DnsServerOptions {
  /** Where to listen, UDP and TCP; port 0 for any. */
  readonly host: string;
  readonly port: number;
  readonly resolver: Pick<Resolver, "answer">;
  readonly log: Logger;
}

/** Disposing it closes every connection. */
export interface DnsServer extends AsyncDisposable {
  readonly port: number;
}

const connectionsMax = 256;
const idleMs = 10_000;
/** Questions of one connection that are answered at a time. */
const pipelinedMax = 100;

/** Answers over UDP and TCP on one port. @throws {Error} when the address cannot be had. */
export async function openDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const { host, log } = options;
  const tasks = new TaskGroup((error) => {
    log.error("a question was not answered", { error: error as Error });
  });
  const tcp = createServer();
  tcp.maxConnections = connectionsMax;
  await new Promise<void>((resolve, reject) => {
    tcp.once("error", reject);
    tcp.listen(options.port, host, () => {
      tcp.off("error", reject);
      resolve();
    });
  });
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket(host.includes(":") ? "udp6" : "udp4");
  await new Promise<void>((resolve, reject) => {
    udp.once("error", reject);
    udp.bind(port, host, () => {
      udp.off("error", reject);
      resolve();
    });
  });
  udp.on("error", (error) => {
    log.error("DNS socket failed", { error });
  });
  const sockets = serveTcp(tcp, options, tasks);
  serveUdp(udp, options, tasks);
  return {
    port,
    async [Symbol.asyncDispose]() {
      udp.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => tcp.close(resolve));
      await tasks[Symbol.asyncDispose]();
    },
  };
}

function serveUdp(socket: UdpSocket, { resolver }: DnsServerOptions, tasks: TaskGroup): void {
  socket.on("message", (message, from) => {
    tasks.start(async (signal) => {
      const answer = await resolver.answer(message, "udp", signal);
      if (answer === undefined || signal.aborted) return;
      // Nobody waits for an answer that cannot be sent: its client asks again.
      socket.send(answer, from.port, from.address, () => undefined);
    });
  });
}

function serveTcp(server: Server, { resolver }: DnsServerOptions, tasks: TaskGroup): Set<Socket> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    const reader = new MessageReader();
    let underWay = 0;
    socket.setTimeout(idleMs, () => socket.destroy());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (chunk: Buffer) => {
      for (const message of reader.push(chunk)) {
        underWay += 1;
        if (underWay > pipelinedMax) {
          socket.destroy();
          return;
        }
        tasks.start(async (signal) => {
          const answer = await resolver.answer(message, messageBytesMax, signal);
          underWay -= 1;
          if (answer !== undefined && !socket.destroyed) socket.write(framed(answer));
        });
      }
    });
  });
  return sockets;
}
