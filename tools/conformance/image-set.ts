import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type LayerFile, type SmallImage } from "#cri/images/oci-archive.ts";
import { imageArchitecture } from "#oci/architecture.ts";
import { busyboxFiles } from "#cri/images/seed.ts";
import { type Program, programFiles, withFolders } from "./program-files.ts";

/*
 * The images that the suite runs, re-created from what Debian has and from the suite's own sources:
 * see `test/images/<name>/Dockerfile` of k8s.io/kubernetes for what is in upstream's.
 */

/** Where the sources and the programs built from them are. */
export interface Sources {
  /** The module `k8s.io/kubernetes`, unpacked. */
  readonly kubernetes: string;
  /** Static programs built from it, by their names. */
  readonly programs: string;
}

const shell: Program = { path: "/usr/bin/bash", package: "bash" };
const networkPrograms: readonly Program[] = [
  { path: "/usr/bin/curl", package: "curl" },
  { path: "/usr/bin/dig", package: "bind9-dnsutils" },
  { path: "/usr/bin/getent", package: "libc-bin" },
  { path: "/usr/bin/nc", package: "netcat-openbsd" },
  { path: "/usr/bin/ss", package: "iproute2" },
  { path: "/usr/sbin/ip", package: "iproute2" },
];
const nginx: Program = { path: "/usr/sbin/nginx", package: "nginx-light" };

export const imagePrograms: readonly Program[] = [...networkPrograms, nginx];

type Contents = Pick<SmallImage, "config" | "files">;
type Recipe = (sources: Sources) => Promise<Contents>;

/** By the image's name without registry and tag: the suite asks for one or two tags of each. */
export const recipes: Readonly<Record<string, Recipe>> = {
  agnhost,
  busybox: async (sources) => ({
    config: { ...environment, Cmd: ["sh"] },
    files: await busybox(sources),
  }),
  "glibc-dns-testing": async () => ({
    config: { ...environment, Cmd: ["sh"] },
    files: await withPrograms(networkPrograms),
  }),
  kitten: async (sources) => await picture(sources, "kitten"),
  nautilus: async (sources) => await picture(sources, "nautilus"),
  nginx: nginxServer,
  nonewprivs: async ({ programs }) => ({
    config: { ...environment, Cmd: ["nnp"] },
    files: withFolders([
      ...(await busyboxFiles()),
      { ...program(join(programs, "nnp"), "usr/local/bin/nnp"), mode: 0o6755 },
    ]),
  }),
  nonroot: async (sources) => ({
    config: { ...environment, Cmd: ["sh"], User: "1234" },
    files: await busybox(sources),
  }),
  pause: async ({ programs }) => ({
    config: { Env: environment.Env, WorkingDir: "/", Entrypoint: ["/agnhost", "pause"] },
    files: [program(join(programs, "agnhost"), "agnhost")],
  }),
  "sample-apiserver": async ({ programs }) => ({
    config: { ...environment, Entrypoint: ["/sample-apiserver"] },
    files: withFolders([
      ...(await busyboxFiles()),
      program(join(programs, "sample-apiserver"), "sample-apiserver"),
    ]),
  }),
};

const environment = {
  Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
  WorkingDir: "/",
};

/** The image, under a name that the suite asks for. @throws {Error} when nothing here makes it. */
export async function makeImage(name: string, sources: Sources): Promise<SmallImage> {
  const recipe = recipes[shortName(name)];
  if (recipe === undefined) throw new Error(`no recipe for the image ${name}`);
  const contents = await recipe(sources);
  return { name, architecture: imageArchitecture(process.arch), ...contents };
}

/** `registry.k8s.io/e2e-test-images/agnhost:2.63.0` is `agnhost`. */
export function shortName(image: string): string {
  return /([^/:]+)(?::[^/:]*)?$/.exec(image)?.[1] ?? image;
}

async function agnhost({ kubernetes, programs }: Sources): Promise<Contents> {
  const sources = join(kubernetes, "test/images/agnhost");
  const base = await withPrograms(networkPrograms);
  const files: LayerFile[] = [
    ...base.map(withAccounts),
    { type: "directory", name: "uploads", mode: 0o755 },
    program(join(programs, "agnhost"), "agnhost"),
    { type: "symlink", name: "agnhost-2", to: "agnhost" },
    ...["localhost.crt", "localhost.key"].map((it) => data(join(sources, "porter", it), it)),
  ];
  return {
    config: { ...environment, Entrypoint: ["/agnhost"], Cmd: ["pause"] },
    files: withFolders(files),
  };
}

/** The user and the group that a test of supplementary groups expects in the image. */
function withAccounts(file: LayerFile): LayerFile {
  if (file.type !== "file") return file;
  const line = {
    "etc/passwd": "user-defined-in-image:x:1000:1000::/home/user-defined-in-image:/bin/sh\n",
    "etc/group":
      "user-defined-in-image:x:1000:\ngroup-defined-in-image:x:50000:user-defined-in-image\n",
  }[file.name];
  if (line === undefined) return file;
  return { ...file, content: Buffer.concat([file.content, Buffer.from(line)]) };
}

async function picture(sources: Sources, name: string): Promise<Contents> {
  const { config, files } = await agnhost(sources);
  const html = join(sources.kubernetes, "test/images", name, "html");
  const added = [
    ...[`${name}.jpg`, "data.json"].map((it) => data(join(html, it), it)),
    // A test of image volumes looks for the name.
    text("etc/os-release", 'NAME="stands in for Alpine Linux"\n'),
  ];
  return {
    config: { ...config, Cmd: ["test-webserver"] },
    files: withFolders([...files, ...added]),
  };
}

const nginxConfiguration = `worker_processes 2;
error_log /dev/stderr notice;
pid /tmp/nginx.pid;
events { worker_connections 1024; }
http {
  include /etc/nginx/mime.types;
  access_log /dev/stdout;
  server { listen 80; root /usr/share/nginx/html; }
}
`;

async function nginxServer(): Promise<Contents> {
  const files = await withPrograms([nginx]);
  const folders = ["var/lib/nginx", "var/log/nginx"];
  return {
    config: { ...environment, Cmd: ["nginx", "-g", "daemon off;"] },
    files: withFolders([
      ...files,
      ...folders.map((name): LayerFile => ({ type: "directory", name, mode: 0o755 })),
      text("etc/nginx/nginx.conf", nginxConfiguration),
      data("/etc/nginx/mime.types", "etc/nginx/mime.types"),
      text("usr/share/nginx/html/index.html", "<h1>Welcome to nginx!</h1>\n"),
    ]),
  };
}

async function busybox({ programs }: Sources): Promise<LayerFile[]> {
  const files = await programFiles([shell.path]);
  const usual = (await busyboxFiles()).filter((it) => it.name !== "bin/sh");
  return withFolders([...usual, program(join(programs, "busybox-shell"), "bin/sh"), ...files]);
}

/** Busybox with other programs; its own shell would take its own commands before theirs. */
async function withPrograms(programs: readonly Program[]): Promise<LayerFile[]> {
  const files = await programFiles([shell, ...programs].map((it) => it.path));
  const usual = (await busyboxFiles()).filter((it) => it.name !== "bin/sh");
  const link: LayerFile = { type: "symlink", name: "bin/sh", to: shell.path };
  return withFolders([...usual, link, ...files]);
}

function program(path: string, name: string): Extract<LayerFile, { type: "file" }> {
  return { type: "file", name, mode: 0o755, content: readFileSync(path) };
}

function data(path: string, name: string): LayerFile {
  return { type: "file", name, mode: 0o644, content: readFileSync(path) };
}

function text(name: string, content: string): LayerFile {
  return { type: "file", name, mode: 0o644, content: Buffer.from(content) };
}
