import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A DNS server of this machine. */
export interface DnsPeer {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

/** Of the API server, and where the files of its user are. */
export interface Place {
  readonly folder: string;
  readonly apiPort: number;
  /** Port of the server for other names. */
  readonly others: number;
}

/** Ours, once it answers. */
export async function startOurs({ folder, apiPort, others }: Place): Promise<DnsPeer> {
  const program = join(import.meta.dirname, "dns-process.ts");
  const args = [program, folder, String(apiPort), `127.0.0.1:${others}`];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", (line) => {
      resolve(Number(line));
    });
    child.once("exit", () => {
      reject(new Error("the cluster's DNS ended"));
    });
  });
  return peerOf("gantry", child, port);
}

/** Where the CoreDNS is that `go install` made, or a package; undefined when there is none. */
export function coreDnsProgram(): string | undefined {
  const places = [join(homedir(), "go", "bin"), "/usr/local/bin", "/usr/bin"];
  const given = process.env["COREDNS"];
  const paths = given === undefined ? places.map((it) => join(it, "coredns")) : [given];
  return paths.find((it) => existsSync(it));
}

/** CoreDNS on the same API server, set up as upstream's clusters have it, without its log. */
export function startCoreDns(program: string, place: Place, port: number): DnsPeer {
  const { folder, apiPort, others } = place;
  const read = (name: string) => readFileSync(join(folder, name)).toString("base64");
  const user = {
    "client-certificate-data": read("client.crt"),
    "client-key-data": read("client.key"),
  };
  const cluster = {
    server: `https://127.0.0.1:${apiPort}`,
    "certificate-authority-data": read("ca.crt"),
  };
  const kubeconfig = join(folder, "kubeconfig");
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "bench",
      contexts: [{ name: "bench", context: { cluster: "bench", user: "bench" } }],
      clusters: [{ name: "bench", cluster }],
      users: [{ name: "bench", user }],
    }),
  );
  const corefile = join(folder, "Corefile");
  writeFileSync(
    corefile,
    `.:${port} {
  bind 127.0.0.1
  errors
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig ${kubeconfig}
    pods insecure
    fallthrough in-addr.arpa ip6.arpa
    ttl 30
  }
  forward . 127.0.0.1:${others}
  cache 30
}
`,
  );
  const child = spawn(program, ["-conf", corefile, "-quiet"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  return peerOf("CoreDNS", child, port);
}

/** A name and its address. */
export type Host = readonly [name: string, address: string];

/** Debian's dnsmasq with the services' names in a file. */
export function startDnsmasq(place: Place, port: number, hosts: readonly Host[]): DnsPeer {
  const file = join(place.folder, "hosts");
  writeFileSync(file, hosts.map(([name, address]) => `${address} ${name}\n`).join(""));
  const args = [`--addn-hosts=${file}`, "--local=/cluster.local/", "--local-ttl=5"];
  return startMasq("dnsmasq", port, [...args, `--server=127.0.0.1#${place.others}`]);
}

/** The server for names outside of the cluster: it says the same for all of them. */
export function startOthers(port: number): DnsPeer {
  return startMasq("others", port, [
    "--address=/#/192.0.2.1",
    "--address=/#/2001:db8::1",
    "--local-ttl=3600",
  ]);
}

function startMasq(name: string, port: number, rest: readonly string[]): DnsPeer {
  const common = ["--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts"];
  const more = ["--bind-interfaces", "--listen-address=127.0.0.1", "--user=root", "--pid-file="];
  const args = [...common, ...more, "--dns-forward-max=1000", "--cache-size=10000"];
  const child = spawn("/usr/sbin/dnsmasq", [...args, `--port=${port}`, ...rest], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  return peerOf(name, child, port);
}

function peerOf(name: string, child: ChildProcess, port: number): DnsPeer {
  const ended = once(child, "exit");
  return {
    name,
    pid: child.pid ?? 0,
    port,
    stop: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
