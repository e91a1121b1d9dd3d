import { spawn, type ChildProcess } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { cpuSecondsOf } from "./process-cost.ts";

const body = "0123456789abcdef".repeat(64);

/** Something that serves on ports of this machine. */
export interface Peer {
  readonly pid: number;
  /** Makes it read its configuration anew, where it can. */
  reload?(): void;
  stop(): void;
}

/** Debian's nginx as the services behind: an answer of 1 KB from memory. */
export function startUpstream(directory: string, ports: readonly number[]): Peer {
  const servers = ports.map((it) => `listen 127.0.0.1:${it};`).join(" ");
  return startNginx(
    directory,
    "upstream",
    1,
    `server { ${servers} location / { default_type text/plain; return 200 "${body}"; } }`,
  );
}

/** Debian's nginx as the peer of the ingress, set up for the same work. */
export function startProxyNginx(
  directory: string,
  at: { readonly http: number; readonly https: number; readonly upstreams: readonly number[] },
): Peer {
  const upstreams = at.upstreams.map((it) => `server 127.0.0.1:${it};`).join(" ");
  const pem = join(directory, "peer.pem");
  return startNginx(
    directory,
    "peer",
    "auto",
    `upstream u { ${upstreams} keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${at.http};
    listen 127.0.0.1:${at.https} ssl;
    server_name bench.test;
    ssl_certificate ${pem};
    ssl_certificate_key ${pem};
    location / {
      proxy_pass http://u;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $host;
      proxy_set_header X-Forwarded-Port $server_port;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_buffering off;
      proxy_request_buffering off;
    }
  }`,
  );
}

function startNginx(directory: string, name: string, workers: number | "auto", text: string): Peer {
  const path = join(directory, `${name}.conf`);
  writeFileSync(
    path,
    `daemon off; worker_processes ${workers}; pid ${directory}/${name}.pid; error_log ${directory}/${name}.log;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s;
  client_body_temp_path ${directory}; proxy_temp_path ${directory}; fastcgi_temp_path ${directory};
  uwsgi_temp_path ${directory}; scgi_temp_path ${directory};
  ${text}
}
`,
  );
  const child = spawn("/usr/sbin/nginx", ["-c", path], { stdio: ["ignore", "ignore", "inherit"] });
  return {
    ...peerOf(child),
    reload: () => {
      child.kill("SIGHUP");
    },
  };
}

export function startHandler(port: number, processes: number, upstreams: readonly number[]): Peer {
  const program = join(import.meta.dirname, "ingress-handler.ts");
  const args = [program, String(port), String(processes), ...upstreams.map(String)];
  return peerOf(spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] }));
}

function peerOf(child: ChildProcess): Peer {
  return {
    pid: child.pid ?? 0,
    stop: () => {
      child.kill("SIGTERM");
    },
  };
}

/** Seconds of CPU of a process and its children. */
export function cpuSecondsOfFamily(pid: number): number {
  let seconds = cpuSecondsOf(pid);
  for (const name of readdirSync("/proc").filter((it) => /^\d+$/.test(it))) {
    try {
      const text = readFileSync(`/proc/${name}/stat`, "latin1");
      const [, parent] = text.slice(text.lastIndexOf(")") + 2).split(" ");
      if (Number(parent) === pid) seconds += cpuSecondsOf(Number(name));
    } catch {
      // It ended meanwhile.
    }
  }
  return seconds;
}

/** Resolves when somebody listens. @throws {Error} when nobody does within 10 s. */
export async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const isThere = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => {
        resolve(false);
      });
    });
    if (isThere) return;
    await delay(50);
  }
  throw new Error(`nobody listens on ${port}`);
}
