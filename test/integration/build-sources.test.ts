// What builds take from elsewhere and where they put their results: files and repositories of a
// server on loopback, contexts from URLs and pipes, archives, directories and registries.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import {
  GantryProcess,
  ok,
  run,
  systemMissing,
  type CommandResult,
} from "#testing/gantry-process.ts";

const git = "/usr/bin/git";
const missing = systemMissing() ?? (existsSync(git) ? undefined : `needs ${git}`);
const options = { skip: missing ?? false, timeout: 240_000 };
const program = resolve(import.meta.dirname, "../../dist/gantry.js");
const manifestType = "application/vnd.oci.image.manifest.v1+json";
const gitEnvironment = {
  GIT_AUTHOR_NAME: "a",
  GIT_AUTHOR_EMAIL: "a@localhost",
  GIT_COMMITTER_NAME: "a",
  GIT_COMMITTER_EMAIL: "a@localhost",
};

const token = "t0ken-of-nobody";
const credentials = Buffer.from(`x-access-token:${token}`).toString("base64");

let machine: GantryProcess;
let server: Server;
let url = "";
const served = new Map<string, Buffer>();

/** Files, redirects, what never ends, and git's own server for `/git/`. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams, search } = new URL(request.url ?? "/", url);
  if (pathname === "/redirect") {
    response.writeHead(302, { location: searchParams.get("to") ?? "" }).end();
  } else if (pathname === "/loop") {
    response.writeHead(302, { location: "/loop" }).end();
  } else if (pathname === "/cut") {
    response.writeHead(200, { "content-length": "1000" });
    response.write("some");
    setTimeout(() => request.socket.destroy(), 50);
  } else if (pathname.startsWith("/git/")) {
    serveGit(request, response, pathname.slice("/git".length), search.slice(1));
  } else if (pathname.startsWith("/private/")) {
    if (request.headers.authorization === `basic ${credentials}`) {
      serveGit(request, response, pathname.slice("/private".length), search.slice(1));
    } else response.writeHead(401, { "www-authenticate": "Basic" }).end();
  } else {
    const content = served.get(pathname);
    if (content === undefined) response.writeHead(404).end();
    else {
      response.setHeader("last-modified", "Wed, 21 Oct 2015 07:28:00 GMT");
      if (pathname.includes("/manifests/")) response.setHeader("content-type", manifestType);
      response.end(content);
    }
  }
}

/** `git http-backend` by CGI. */
function serveGit(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  query: string,
): void {
  const child = spawn(git, ["http-backend"], {
    stdio: ["pipe", "pipe", "ignore"],
    env: {
      ...gitEnvironment,
      PATH: "/usr/bin:/bin",
      GIT_PROJECT_ROOT: join(machine.directory, "repositories"),
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: path,
      QUERY_STRING: query,
      REQUEST_METHOD: request.method ?? "GET",
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
    },
  });
  request.pipe(child.stdin);
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.once("close", () => {
    const whole = Buffer.concat(chunks);
    const end = whole.indexOf("\r\n\r\n");
    for (const line of whole.subarray(0, end).toString("latin1").split("\r\n")) {
      const [name = "", value = ""] = line.split(": ");
      if (name.toLowerCase() === "status") response.statusCode = Number(value.slice(0, 3));
      else response.setHeader(name, value);
    }
    response.end(whole.subarray(end + 4));
  });
}

/** Runs the program while the server here answers it. */
async function gantry(
  args: readonly string[],
  input: Buffer | string = "",
): Promise<CommandResult & { readonly bytes: Buffer }> {
  const data = ["--data-dir", join(machine.directory, "data")];
  const child = spawn(process.execPath, [program, ...args, ...data], {
    stdio: "pipe",
    env: { PATH: process.env["PATH"] ?? "", HOME: machine.directory },
  });
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  const code = await new Promise<number>((done) => {
    child.once("close", (it) => {
      done(it ?? 128);
    });
  });
  const bytes = Buffer.concat(out);
  return { code, bytes, stdout: bytes.toString(), stderr: Buffer.concat(err).toString() };
}

async function build(args: readonly string[], input: Buffer | string = ""): Promise<CommandResult> {
  return await gantry(["build", "--progress", "plain", ...args], input);
}

let directories = 0;

function newDirectory(): string {
  return mkdtempSync(join(machine.directory, `made${directories++}-`));
}

function write(directory: string, files: Readonly<Record<string, string>>): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  return directory;
}

/** Builds a Dockerfile without a context, and resolves with the directory of its files. */
async function buildFiles(dockerfile: string): Promise<string> {
  const output = newDirectory();
  ok(await build(["-o", output, "-"], dockerfile));
  return output;
}

function shell(directory: string, script: string): string {
  const env = { ...gitEnvironment, HOME: machine.directory };
  return ok(run("sh", ["-ec", `cd "$1"; ${script}`, "sh", directory], { env })).trim();
}

const commits = { first: "", second: "" };

before(async () => {
  if (missing !== undefined) return;
  machine = new GantryProcess(0);
  ok(machine.gantry("image", "seed"));
  server = createServer(answer);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const work = write(newDirectory(), {
    Dockerfile: "FROM scratch\nCOPY . /\n",
    "file.txt": "one",
    "sub/Dockerfile": "FROM scratch\nCOPY in.txt /of-sub\n",
    "sub/in.txt": "in",
  });
  const bare = join(machine.directory, "repositories", "app.git");
  shell(work, `git init -q -b main; git add .; git commit -qm one; git tag v1`);
  commits.first = shell(work, "git rev-parse HEAD");
  shell(work, `echo two > file.txt; git commit -qam two; git branch other v1`);
  commits.second = shell(work, "git rev-parse HEAD");
  shell(work, `git clone -q --bare . ${bare}`);
  // A repository with another in it.
  const outer = write(newDirectory(), { "outer.txt": "outer" });
  const allow = "-c protocol.allow=always";
  shell(outer, `git init -q -b main; git ${allow} submodule add -q ${bare} inner`);
  shell(outer, `git config -f .gitmodules submodule.inner.url ${url}/git/app.git`);
  shell(outer, `git add .; git commit -qm outer; git clone -q --bare . ${bare}/../outer.git`);
});

after(() => {
  if (missing !== undefined) return;
  server.closeAllConnections();
  server.close();
  machine[Symbol.dispose]();
});

function checksumOf(content: Buffer): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

test("ADD of a URL: name, mode and age, a redirect, a checksum, an archive", options, async () => {
  const file = Buffer.from("from afar");
  served.set("/files/far.txt", file);
  const packed = shell(write(newDirectory(), { "d/x": "in the archive" }), "tar -czf a.tgz d; pwd");
  served.set("/files/a.tgz", readFileSync(join(packed, "a.tgz")));
  const got = await buildFiles(`FROM scratch
ADD ${url}/files/far.txt /dir/
ADD --chmod=644 ${url}/redirect?to=/files/far.txt /redirected
ADD --checksum=${checksumOf(file)} ${url}/files/far.txt /checked
ADD ${url}/files/a.tgz /packed/
ADD --unpack ${url}/files/a.tgz /unpacked/
`);
  const look = "find . -type f -printf '%p %m %T@\\n' | cut -d. -f1-3 | LC_ALL=C sort";
  assert.match(shell(got, look), /^\.\/dir\/far\.txt 600 1445412480$/m);
  assert.match(shell(got, look), /^\.\/redirected 644 /m);
  for (const path of ["dir/far.txt", "redirected", "checked"]) {
    assert.equal(readFileSync(join(got, path), "utf8"), "from afar");
  }
  assert.ok(existsSync(join(got, "packed/a.tgz")));
  assert.equal(readFileSync(join(got, "unpacked/d/x"), "utf8"), "in the archive");
});

const refused: readonly (readonly [what: string, source: () => string, want: RegExp])[] = [
  ["another content", () => `--checksum=sha256:${"0".repeat(64)} ${url}/files/far.txt`, /mismatch/],
  ["what is not there", () => `${url}/none`, /\/none: the server answers 404/],
  ["redirects in a circle", () => `${url}/loop`, /\/loop: .*redirect/],
  ["a server that breaks off", () => `${url}/cut`, /:2: /],
  [
    "a repository's other commit",
    () => `--checksum=${"0".repeat(40)} ${url}/git/app.git`,
    /expected/,
  ],
  ["a branch that is not there", () => `${url}/git/app.git#none`, /git fetch of .* failed: .*none/],
  ["a directory that is not there", () => `${url}/git/app.git#main:none`, /no directory 'none'/],
];

for (const [what, source, want] of refused) {
  test(`ADD refuses ${what}`, options, async () => {
    served.set("/files/far.txt", Buffer.from("from afar"));
    const built = await build(["-"], `FROM scratch\nADD ${source()} /x\n`);
    assert.equal(built.code, 1, built.stdout);
    assert.match(built.stderr, want);
    assert.match(built.stderr, /:2: /, "the line is named");
    assert.equal(shell(join(machine.directory, "data/build/sessions"), "ls"), "");
  });
}

test(
  "ADD of a repository: branches, tags, commits, directories, .git, submodules",
  options,
  async () => {
    const repository = `${url}/git/app.git`;
    const got = await buildFiles(`FROM scratch
ADD ${repository} /head
ADD ${repository}#other /branch
ADD ${repository}?tag=v1&checksum=${commits.first} /tag
ADD ${repository}#${commits.first} /commit
ADD ${repository}#${commits.first.slice(0, 9)} /short
ADD ${repository}#main:sub /sub
ADD --keep-git-dir --checksum=${commits.second} ${repository} /kept
ADD ${url}/git/outer.git /outer
`);
    const contents = { head: "two", branch: "one", tag: "one", commit: "one", short: "one" };
    for (const [name, want] of Object.entries(contents)) {
      assert.equal(readFileSync(join(got, name, "file.txt"), "utf8").trim(), want, name);
      assert.ok(!existsSync(join(got, name, ".git")), name);
    }
    assert.equal(shell(join(got, "sub"), "ls"), "Dockerfile\nin.txt");
    const head = shell(join(got, "kept"), "git -c safe.directory='*' rev-parse HEAD");
    assert.equal(head, commits.second);
    assert.equal(
      shell(join(got, "outer"), "find . -type f | sort | head -3"),
      "./.gitmodules\n./inner/Dockerfile\n./inner/file.txt",
    );
  },
);

test("a private repository: opened by secrets, which are written nowhere", options, async () => {
  const repository = `${url}/private/app.git`;
  const keys = write(newDirectory(), { token: `${token}\n`, header: `basic ${credentials}` });
  const host = new URL(url).host;
  const given: readonly (readonly string[])[] = [
    ["--secret", `id=GIT_AUTH_TOKEN,src=${keys}/token`],
    ["--secret", `id=GIT_AUTH_HEADER.${host},src=${keys}/header`],
  ];
  for (const secret of given) {
    const output = newDirectory();
    ok(await build(["-o", output, ...secret, repository]));
    assert.equal(shell(output, "ls -A | LC_ALL=C sort"), "Dockerfile\nfile.txt\nsub");
  }
  const dockerfile = `FROM scratch\nADD ${repository} /\n`;
  const [first = []] = given;
  const added = await build([...first, "-"], dockerfile);
  ok(added);
  const wrong = write(newDirectory(), { token: "wrong" });
  for (const secret of [[], ["--secret", `id=GIT_AUTH_TOKEN,src=${wrong}/token`]]) {
    const refused = await build([...secret, "-"], dockerfile);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /:2: git fetch of .*private[\s\S]*--secret id=GIT_AUTH_TOKEN/);
  }
  assert.doesNotMatch(added.stderr, new RegExp(`${token}|${credentials}`));
  const data = join(machine.directory, "data");
  assert.equal(run("grep", ["-rlE", `${token}|${credentials}`, data]).stdout, "");
});

test("contexts: a repository, a URL, an archive on standard input", options, async () => {
  const context = write(newDirectory(), {
    Dockerfile: "FROM scratch\nCOPY . /\n",
    "other.Dockerfile": "FROM scratch\nCOPY a.txt /other\n",
    ".dockerignore": "left-out\n",
    "a.txt": "a",
    "left-out": "",
  });
  const archive = Buffer.from(spawnSync("tar", ["-C", context, "-c", "."]).stdout);
  served.set("/context.tar.gz", gzipSync(archive));
  served.set("/Dockerfile", Buffer.from(`FROM scratch\nADD ${url}/context.tar.gz /c.tgz\n`));
  const whole = ".dockerignore\nDockerfile\na.txt\nother.Dockerfile";
  const cases: readonly (readonly [args: readonly string[], want: string, input?: Buffer])[] = [
    [[`${url}/git/app.git`], "Dockerfile\nfile.txt\nsub"],
    [[`${url}/git/app.git#:sub`], "of-sub"],
    [
      ["--build-arg", "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1", `${url}/git/app.git`],
      ".git\nDockerfile\nfile.txt\nsub",
    ],
    [[`${url}/context.tar.gz`], whole],
    [["-f", "other.Dockerfile", `${url}/context.tar.gz`], "other"],
    [[`${url}/Dockerfile`], "c.tgz"],
    [["-"], whole, archive],
    [["-"], whole, gzipSync(archive)],
    [["-f", "-", context], "b", Buffer.from("FROM scratch\nCOPY a.txt /b\n")],
  ];
  for (const [args, want, input] of cases) {
    const output = newDirectory();
    ok(await build(["-o", output, ...args], input));
    assert.equal(shell(output, "ls -A | LC_ALL=C sort"), want, args.join(" "));
  }
});

test("contexts: refused with their reason", options, async () => {
  const evil = write(newDirectory(), { x: "x" });
  const args = ["-C", evil, "-cP", "--transform", "s,^x$,../../gantry-evil,", "x"];
  const archive = Buffer.from(spawnSync("tar", args).stdout);
  const cases: readonly (readonly [args: readonly string[], want: RegExp, input?: Buffer])[] = [
    [["-"], /unsafe name: '\.\.\/\.\.\/gantry-evil'/, archive],
    [["-"], /there is no context/, Buffer.from("FROM scratch\nCOPY x /\n")],
    [["-"], /incorrect|damaged|unexpected|invalid/, gzipSync(archive).subarray(0, 100)],
    [[`${url}/none.tar`], /\/none\.tar: the server answers 404/],
    [["-f", "-", "-"], /cannot be both/],
    [["/nowhere/at/all"], /no such Dockerfile/],
  ];
  for (const [words, want, input] of cases) {
    const built = await build(words, input);
    assert.equal(built.code, 1, words.join(" "));
    assert.match(built.stderr, want);
  }
  assert.equal(shell(join(machine.directory, "data/build/sessions"), "ls"), "");
});

test("outputs: archives, a layout, a pipe: as skopeo and tar read them", options, async () => {
  const context = write(newDirectory(), {
    Dockerfile: 'FROM scratch\nCOPY a.txt /\nCMD ["/a"]\n',
    "a.txt": "a",
  });
  const at = newDirectory();
  const outputs = [
    `type=oci,dest=${at}/oci.tar`,
    `type=docker,dest=${at}/docker.tar`,
    `type=oci,dest=${at}/layout,tar=false`,
  ];
  const flags = outputs.flatMap((it) => ["-o", it]);
  const built = await build(["-t", "team/out:1", ...flags, context]);
  const digest = ok(built).trim();
  for (const source of [
    `oci-archive:${at}/oci.tar`,
    `docker-archive:${at}/docker.tar`,
    `oci:${at}/layout:1`,
  ]) {
    const { Cmd } = (
      JSON.parse(ok(run("skopeo", ["inspect", "--config", source]))) as {
        config: { Cmd: string[] };
      }
    ).config;
    assert.deepEqual(Cmd, ["/a"], source);
  }
  const inspected = JSON.parse(ok(run("skopeo", ["inspect", `oci:${at}/layout:1`]))) as {
    Digest: string;
  };
  assert.equal(inspected.Digest, digest);
  const piped = await gantry(["build", "-q", "-o", "type=tar,dest=-", context]);
  assert.equal(piped.code, 0, piped.stderr);
  const listed = spawnSync("tar", ["-t"], { input: piped.bytes }).stdout.toString();
  assert.equal(listed, "a.txt\n");
});

/** Blobs of a store, the largest first: of one with an image, that is its layer. */
function blobsOf(data: string): string[] {
  const found = shell(join(data, "images/blobs/sha256"), "ls -S");
  return found.split("\n").map((it) => join(data, "images/blobs/sha256", it));
}

const damages: readonly (readonly [what: string, damage: (layer: Buffer) => Buffer])[] = [
  ["cut off", (layer) => layer.subarray(0, layer.length / 2)],
  ["empty", () => Buffer.alloc(0)],
  [
    "changed",
    (layer) => {
      const changed = Buffer.from(layer);
      const middle = Math.floor(layer.length / 2);
      changed.writeUInt8(changed.readUInt8(middle) ^ 0xff, middle);
      return changed;
    },
  ],
];

for (const [what, damage] of damages) {
  test(`a base image whose layer is ${what} is refused, and leaves nothing`, options, async () => {
    const data = newDirectory();
    ok(machine.program(["image", "seed", "--data-dir", data]));
    const [layer = ""] = blobsOf(data);
    writeFileSync(layer, damage(readFileSync(layer)));
    const args = ["build", "--data-dir", data, "-"];
    const built = machine.program(args, "FROM busybox\nRUN true\n");
    assert.equal(built.code, 1, built.stdout);
    assert.match(built.stderr, /is damaged: push or pull it again/);
    assert.equal(shell(join(data, "build"), "ls sessions layers"), "layers:\n\nsessions:");
    // As it says.
    ok(machine.program(["image", "seed", "--data-dir", data]));
    ok(machine.program(args, "FROM busybox\nRUN true\n"));
  });
}

test("a base image of which its registry gives something else is refused", options, async () => {
  const layer = gzipSync(spawnSync("tar", ["-C", newDirectory(), "-c", "."]).stdout);
  const config = Buffer.from(
    JSON.stringify({ rootfs: { type: "layers", diff_ids: ["sha256:x"] } }),
  );
  const describe = (mediaType: string, content: Buffer): object => {
    const type = `application/vnd.oci.image.${mediaType}`;
    return { mediaType: type, digest: checksumOf(content), size: content.length };
  };
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: describe("config.v1+json", config),
      layers: [describe("layer.v1.tar+gzip", layer)],
    }),
  );
  served.set("/v2/", Buffer.from("{}"));
  served.set("/v2/bad/manifests/1", manifest);
  served.set(`/v2/bad/blobs/${checksumOf(config)}`, config);
  served.set(`/v2/bad/blobs/${checksumOf(layer)}`, Buffer.from("something else"));
  const { host } = new URL(url);
  const built = await build(["-"], `FROM ${host}/bad:1\nRUN true\n`);
  assert.equal(built.code, 1);
  assert.match(built.stderr, new RegExp(`:1: [^]*${checksumOf(layer)}`));
  assert.equal(shell(join(machine.directory, "data/images/ingest"), "ls"), "");
  assert.doesNotMatch(machine.gantry("images").stdout, /bad/);
});
