import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { after, before, test } from "node:test";
import {
  GantryProcess,
  ok,
  run,
  systemMissing,
  type CommandResult,
} from "#testing/gantry-process.ts";

const missing = systemMissing();
const options = { skip: missing ?? false, timeout: 240_000 };
const program = resolve(import.meta.dirname, "../../dist/gantry.js");

let machine: GantryProcess;

before(() => {
  if (missing !== undefined) return;
  machine = new GantryProcess(17_643);
  const seeded = machine.gantry("image", "seed");
  assert.equal(seeded.code, 0, seeded.stderr);
});

after(() => {
  if (missing === undefined) machine[Symbol.dispose]();
});

/** Content, `->target` for a symbolic link. */
type Files = Readonly<Record<string, string>>;

let contexts = 0;

function makeContext(files: Files): string {
  const directory = join(machine.directory, `context${contexts++}`);
  for (const [path, content] of Object.entries(files)) {
    const at = join(directory, path);
    mkdirSync(dirname(at), { recursive: true });
    if (content.startsWith("->")) symlinkSync(content.slice(2), at);
    else writeFileSync(at, content);
  }
  return directory;
}

function build(files: Files, ...args: readonly string[]): CommandResult {
  return machine.gantry("build", "--progress", "plain", ...args, makeContext(files));
}

/** Builds, and resolves with the directory that holds the image's files. */
function buildFiles(files: Files, ...args: readonly string[]): string {
  const output = mkdtempSync(join(machine.directory, "output-"));
  const built = build(files, "-o", output, ...args);
  assert.equal(built.code, 0, built.stderr);
  return output;
}

function text(directory: string, path: string): string {
  return readFileSync(join(directory, path), "utf8").trim();
}

/** Nothing of builds that are over: no mounts, no containers, no directories of theirs. */
function assertNothingLeft(): void {
  const data = join(machine.directory, "data", "build");
  assert.deepEqual(readdirSync(join(data, "sessions")), []);
  assert.doesNotMatch(readFileSync("/proc/self/mounts", "utf8"), new RegExp(`${data}/`));
  const groups = existsSync("/sys/fs/cgroup/pids") ? "/sys/fs/cgroup/pids" : "/sys/fs/cgroup";
  assert.deepEqual(
    readdirSync(groups).filter((it) => it.startsWith("gantry-build-")),
    [],
  );
}

test("RUN: mounts, users, networks, heredocs", options, () => {
  const key = join(machine.directory, "key");
  writeFileSync(key, "s3cret");
  const got = buildFiles(
    {
      "sub/deep/c.txt": "three",
      "left-out.md": "",
      ".dockerignore": "*.md",
      Dockerfile: `ARG BASE=busybox
FROM $BASE
ARG V=1
ENV GREETING="hello $V"
RUN --mount=type=cache,target=/cache echo "$GREETING" >> /cache/log; cp /cache/log /log
RUN --mount=type=secret,id=key --mount=type=secret,id=key,env=KEY test "$(cat /run/secrets/key)" = "$KEY" && echo same > /same
RUN --mount=type=bind,target=/ctx ls /ctx > /listing && ! touch /ctx/x
RUN --mount=type=bind,source=sub,target=/ctx,rw touch /ctx/new && cat /ctx/deep/c.txt > /c
RUN --mount=type=tmpfs,target=/t touch /t/x && mount | grep -c ' /t ' > /tmpfs
RUN --network=none ip link | grep -c '^[0-9]' > /links
RUN <<EOS
set -e
id -u > /uid
EOS
RUN <<EOS
#!/bin/sh
echo "$0" > /shebang
EOS
USER www-data
WORKDIR /home/w
RUN id -u > uid.txt`,
    },
    "--secret",
    `id=key,src=${key}`,
    "--build-arg",
    "V=7",
  );
  const want: Readonly<Record<string, string>> = {
    log: "hello 7",
    same: "same",
    listing: "Dockerfile\nsub",
    c: "three",
    tmpfs: "1",
    links: "1",
    uid: "0",
    shebang: "/dev/pipes/EOS",
    "home/w/uid.txt": "33",
  };
  for (const [path, content] of Object.entries(want)) assert.equal(text(got, path), content, path);
  // Places where something was mounted are no files of the image.
  for (const path of ["cache", "ctx", "t", "run", "etc/resolv.conf", "etc/hosts"]) {
    assert.ok(!existsSync(join(got, path)), path);
  }
  const leaks = run("grep", ["-rl", "s3cret", join(machine.directory, "data")]);
  assert.equal(leaks.stdout, "");
  assertNothingLeft();
});

test("named contexts, hosts, and what a build tells of its image", options, () => {
  const other = makeContext({ "sub/in.txt": "in", "left-out": "", ".dockerignore": "left-out" });
  const metadata = join(machine.directory, "metadata.json");
  const got = buildFiles(
    {
      Dockerfile: `FROM nowhere.example/none AS base
RUN --mount=type=bind,from=files,target=/m ls -A /m > /listing; grep -c '10.1.2.3.*db' /etc/hosts > /hosts
FROM base AS replaced
RUN exit 1
FROM base
COPY --from=files /sub /sub
COPY --from=replaced /in.txt /
`,
    },
    ...["--build-context", `files=${other}`, "--build-context", `replaced=${other}/sub`],
    ...["--build-context", "nowhere.example/none=docker-image://busybox"],
    ...["--add-host", "db:10.1.2.3", "-o", "type=image", "-t", "told", "--metadata-file", metadata],
  );
  const want = { listing: ".dockerignore\nsub", hosts: "1", "sub/in.txt": "in", "in.txt": "in" };
  for (const [path, content] of Object.entries(want)) assert.equal(text(got, path), content, path);
  const told = JSON.parse(readFileSync(metadata, "utf8")) as Record<string, string>;
  assert.equal(told["image.name"], "docker.io/library/told:latest");
  const inspected = ok(machine.gantry("inspect", "told"));
  assert.ok(inspected.includes(told["containerimage.config.digest"] ?? "none"), inspected);
  const refused = build({ Dockerfile: "FROM x" }, "--build-context", `x=${other}`);
  assert.match(refused.stderr, /:1: the context x is a directory/);
});

test("COPY and ADD: owners, modes, patterns, archives, inline files, whiteouts", options, () => {
  const files = {
    "a.txt": "a",
    "b.md": "b",
    "sub/deep/c.txt": "c",
    "sub/link": "->../a.txt",
    Dockerfile: `FROM busybox AS tools
RUN mkdir /pack && echo in > /pack/x && ln /pack/x /pack/y && tar -C /pack -czf /pack.tgz . && echo f > /gone && mkdir /old && touch /old/1 /old/2
COPY --chmod=640 --chown=daemon:33 a.txt /p/
COPY --parents sub/./deep/*.txt /par/
COPY --exclude=*.md . /all/
COPY <<one <<'two' /inline/
$HOME/$0
one
$HOME
two
RUN rm /gone && rm -r /old && mkdir /old && touch /old/3
FROM scratch
COPY --from=tools / /
ADD --chown=7:8 pack.tgz /unpacked/
COPY --link --from=tools /pack.tgz /`,
  };
  const context = makeContext(files);
  run("tar", ["-czf", join(context, "pack.tgz"), "-C", context, "a.txt", "sub"]);
  const output = mkdtempSync(join(machine.directory, "output-"));
  const layout = join(machine.directory, "layout.tar");
  for (const destination of [output, `type=oci,dest=${layout}`]) {
    const built = machine.gantry("build", "-t", "files", "-o", destination, context);
    assert.equal(built.code, 0, built.stderr);
  }
  const listing = treeOf(output);
  assert.match(listing, /^\.\/p\/a\.txt f 640 1 33 1 $/m);
  assert.match(listing, /^\.\/par\/deep\/c\.txt f 644 0 0 1 $/m);
  assert.match(listing, /^\.\/all\/sub\/link l 777 0 0 1 \.\.\/a\.txt$/m);
  assert.match(listing, /^\.\/pack\/x f 644 0 0 2 $/m);
  assert.match(listing, /^\.\/unpacked\/sub\/deep\/c\.txt f 644 7 8 1 $/m);
  assert.doesNotMatch(listing, /gone|old\/[12]|all\/b\.md|\.wh\./);
  assert.equal(text(output, "inline/two"), "$HOME");
  // Other tools read the layers as the same files.
  const unpacked = join(machine.directory, "unpacked");
  mkdirSync(unpacked);
  run("tar", ["-xf", layout, "-C", unpacked]);
  const inspected = run("skopeo", ["inspect", `oci:${unpacked}:latest`]);
  assert.equal(inspected.code, 0, inspected.stderr);
  const bundle = join(machine.directory, "bundle");
  const umoci = run("umoci", ["unpack", "--image", `${unpacked}:latest`, bundle]);
  assert.equal(umoci.code, 0, umoci.stderr);
  assert.equal(treeOf(join(bundle, "rootfs")), listing);
});

/** Every file with kind, mode, owner, number of links and target. */
function treeOf(directory: string): string {
  const found = run("sh", [
    "-c",
    `cd "$1" && find . -mindepth 1 -printf '%p %y %m %U %G %n %l\\n' | grep -v '^[^ ]* d .*' | LC_ALL=C sort; cd "$1" && find . -mindepth 1 -type d -printf '%p %m %U %G\\n' | LC_ALL=C sort`,
    "sh",
    directory,
  ]);
  assert.equal(found.code, 0, found.stderr);
  return found.stdout;
}

test(
  "the cache: what is known is not done again, across processes and Dockerfiles",
  options,
  () => {
    const files = {
      "a.txt": "a",
      Dockerfile: "FROM busybox\nRUN date +%N > /now\nCOPY a.txt /\nRUN cat /a.txt\n",
    };
    const first = build(files, "-t", "cached");
    const second = build(files, "-t", "cached");
    assert.equal(second.stdout, first.stdout);
    assert.equal(second.stderr.match(/CACHED/g)?.length, 3, second.stderr);
    const changed = build({ ...files, "a.txt": "b" });
    assert.equal(changed.stderr.match(/CACHED/g)?.length, 1, changed.stderr);
    const renewed = build(files, "--no-cache");
    assert.doesNotMatch(renewed.stderr, /#2 CACHED/);
    assert.notEqual(renewed.stdout, first.stdout);
  },
);

test("--cache-to and --cache-from: another machine does not do steps again", options, () => {
  const files = {
    Dockerfile: `FROM busybox AS one
RUN date +%N > /one
RUN --mount=type=cache,target=/c date +%N > /two
FROM busybox
WORKDIR /w
COPY --from=one /one /two /
COPY Dockerfile /d
RUN rm /one; date +%N > /now
`,
  };
  const cache = join(machine.directory, "cache");
  const layout = join(machine.directory, "inline");
  const first = build(
    files,
    ...["--cache-to", `type=local,dest=${cache},mode=max`],
    ...["--annotation", "team=x", "-o", "type=image"],
  );
  assert.equal(first.code, 0, first.stderr);
  const inlined = build(
    files,
    "--cache-to",
    "type=inline",
    "-o",
    `type=oci,tar=false,dest=${layout}`,
  );
  assert.equal(inlined.code, 0, inlined.stderr);
  const other = join(machine.directory, "other");
  cpSync(join(machine.directory, "data", "images"), join(other, "images"), { recursive: true });
  for (const from of [cache, layout]) {
    rmSync(join(other, "build"), { recursive: true, force: true });
    const args = ["--cache-from", `type=local,src=${from}`, "--annotation", "team=x"];
    const again = machine.program([
      ...["build", "--progress", "plain", "--data-dir", other, ...args],
      makeContext(files),
    ]);
    assert.equal(again.code, 0, again.stderr);
    if (from === cache) assert.equal(again.stderr.match(/CACHED/g)?.length, 6, again.stderr);
    assert.match(again.stderr, /RUN rm .*\n(?:#.*\n)*#\d+ CACHED/, again.stderr);
    assert.equal(again.stdout, first.stdout);
  }
  // What was built into a layout is a base for others, and RUN has the bounds that it is given.
  const got = buildFiles(
    { Dockerfile: "FROM base\nRUN ulimit -n > /files; df -k /dev/shm | tail -1 > /shm\n" },
    ...["--build-context", `base=oci-layout://${layout}`],
    ...["--ulimit", "nofile=77", "--shm-size", "8m", "--memory", "256m"],
  );
  assert.ok(existsSync(join(got, "two")));
  assert.equal(text(got, "files"), "77");
  assert.match(text(got, "shm"), / 8192 /);
});

test("SOURCE_DATE_EPOCH: two empty caches give the same image", options, () => {
  const files = {
    "a.txt": "a",
    Dockerfile: "FROM busybox\nRUN touch /x\nCOPY a.txt /d/\nWORKDIR /w\n",
  };
  const digests = ["one", "two"].map((name) => {
    const data = join(machine.directory, name);
    cpSync(join(machine.directory, "data", "images"), join(data, "images"), { recursive: true });
    const args = [
      "build",
      "--build-arg",
      "SOURCE_DATE_EPOCH=1000000000",
      "--data-dir",
      data,
      makeContext(files),
    ];
    const built = machine.program(args);
    assert.equal(built.code, 0, built.stderr);
    return built.stdout;
  });
  assert.equal(digests[0], digests[1]);
});

const broken: readonly (readonly [name: string, files: Files, want: RegExp])[] = [
  [
    "an unknown instruction",
    { Dockerfile: "FROM busybox\nRNU x\n" },
    /Dockerfile:2: unknown instruction: RNU \(did you mean RUN\?\)[\s\S]*>>> RNU x/,
  ],
  [
    "a file that is not there",
    { Dockerfile: "FROM busybox\n\nCOPY none /\n" },
    /Dockerfile:3: "none": not found in the context/,
  ],
  [
    "a command that fails",
    { Dockerfile: "FROM busybox\nRUN echo why; exit 7\n" },
    /why[\s\S]*Dockerfile:2: .*exit code: 7/,
  ],
  [
    "an image that is not there",
    { Dockerfile: "FROM localhost/no/such:1\n" },
    /Dockerfile:1: .*localhost\/no\/such:1/,
  ],
  [
    "a user that is not there",
    { Dockerfile: "FROM busybox\nUSER nobody-else\nRUN true\n" },
    /Dockerfile:3: unable to find user nobody-else/,
  ],
  [
    "a secret that is required",
    { Dockerfile: "FROM busybox\nRUN --mount=type=secret,id=k,required true\n" },
    /:2: secret k: not found/,
  ],
  [
    "a path that leads out of the context",
    { Dockerfile: "FROM busybox\nCOPY out /x\n", out: "->/etc/hostname" },
    /:2: "out": not found/,
  ],
  [
    "an insecure command",
    { Dockerfile: "FROM busybox\nRUN --security=insecure true\n" },
    /--allow security\.insecure/,
  ],
];

for (const [name, files, want] of broken) {
  test(`refused: ${name}`, options, () => {
    const built = build(files);
    assert.equal(built.code, 1);
    assert.match(built.stderr, want);
    assertNothingLeft();
  });
}

test("refused: an archive with names that lead out", options, () => {
  const context = makeContext({ Dockerfile: "FROM scratch\nADD evil.tar /x/\n", inner: "evil" });
  const evil = join(context, "evil.tar");
  run("tar", [
    "-cPf",
    evil,
    "--transform",
    "s,^.*inner$,../../../../gantry-evil,",
    join(context, "inner"),
  ]);
  const built = machine.gantry("build", context);
  assert.equal(built.code, 1);
  assert.match(built.stderr, /:2: .*unsafe name: '\.\.\/\.\.\/\.\.\/\.\.\/gantry-evil'/);
  assert.ok(!existsSync("/gantry-evil"));
});

/** A build whose second step does not end; resolves when it runs. */
async function startSleeping(): Promise<ChildProcess> {
  const context = makeContext({ Dockerfile: "FROM busybox\nRUN echo asleep; sleep 1000\n" });
  const data = join(machine.directory, "data");
  const args = [program, "build", "--progress", "plain", "--data-dir", data, context];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  for await (const chunk of child.stderr) {
    if (String(chunk).includes(" asleep")) break;
  }
  return child;
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
    else child.once("exit", resolve);
  });
}

test("an interrupted build ends at once and leaves nothing", options, async () => {
  const child = await startSleeping();
  const end = ended(child);
  child.kill("SIGINT");
  assert.equal(await end, 1);
  assertNothingLeft();
});

test("a killed build leaves nothing after the next one", options, async () => {
  const child = await startSleeping();
  const end = ended(child);
  child.kill("SIGKILL");
  await end;
  const next = build({ Dockerfile: "FROM busybox\nRUN true\n" });
  assert.equal(next.code, 0, next.stderr);
  assertNothingLeft();
});

test("a full disk is told, and leaves nothing", options, () => {
  const small = join(machine.directory, "small");
  mkdirSync(small);
  const mounted = run("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", small]);
  assert.equal(mounted.code, 0, mounted.stderr);
  try {
    cpSync(join(machine.directory, "data", "images"), join(small, "images"), { recursive: true });
    const context = makeContext({
      Dockerfile: "FROM busybox\nRUN dd if=/dev/zero of=/big bs=1M count=64\n",
    });
    const built = machine.program(["build", "--data-dir", small, context]);
    assert.equal(built.code, 1);
    assert.match(built.stderr, /No space left on device/);
    assert.deepEqual(readdirSync(join(small, "build", "sessions")), []);
  } finally {
    run("umount", [small]);
  }
});

/** What both tools have to agree on: instructions whose results do not depend on the builder. */
const compared = `FROM busybox AS one
ARG v=1
ENV A=$v B="two words" C=\${A:+set}
RUN echo $A > /a && mkdir -p /d/e && echo x > /d/e/f && chmod 700 /d
COPY --chown=1000:1000 src /src
RUN rm -r /d/e && ln -s /a /link && ln /a /hard
FROM one
LABEL x=y
USER 1000:1000
WORKDIR /home/app
COPY --from=one /src/main.c .
EXPOSE 80/tcp
VOLUME /data
STOPSIGNAL SIGINT
ENTRYPOINT ["/bin/sh"]
CMD ["-c", "cat /a"]
`;

test(
  "buildah makes the same of the same Dockerfile",
  { ...options, skip: missing ?? !existsSync("/usr/bin/buildah") },
  () => {
    const context = makeContext({
      Dockerfile: compared,
      "src/main.c": "int main;",
      "src/inc/x.h": "x",
    });
    const ours = join(machine.directory, "ours");
    const oursTar = `${ours}.tar`;
    mkdirSync(ours);
    for (const output of [ours, `type=oci,dest=${oursTar}`]) {
      const built = machine.gantry("build", "-t", "compared", "-o", output, context);
      assert.equal(built.code, 0, built.stderr);
    }
    const base = join(machine.directory, "base.tar");
    const exported = machine.gantry(
      "build",
      "-t",
      "busybox",
      "-o",
      `type=oci,dest=${base}`,
      makeContext({ Dockerfile: "FROM busybox" }),
    );
    assert.equal(exported.code, 0, exported.stderr);
    const storage = join(machine.directory, "storage");
    const buildah = (...args: readonly string[]): CommandResult => {
      const done = run("buildah", [
        "--root",
        storage,
        "--runroot",
        `${storage}-run`,
        "--storage-driver",
        "vfs",
        ...args,
      ]);
      assert.equal(done.code, 0, `${args.join(" ")}: ${done.stderr}`);
      return done;
    };
    const pulled = buildah("pull", `oci-archive:${base}`).stdout.trim();
    buildah("tag", pulled, "docker.io/library/busybox:latest");
    buildah("bud", "--isolation", "chroot", "--pull-never", "-t", "theirs", context);
    const container = buildah("from", "--pull-never", "theirs").stdout.trim();
    const mounted = buildah("mount", container).stdout.trim();
    // Engines of containers leave these where something was mounted.
    const ignored = /^\.\/(etc|proc|sys|dev|run|data)(\/(hosts|resolv\.conf|hostname))? .*\n/gm;
    const theirTree = treeOf(mounted).replace(ignored, "");
    assert.equal(treeOf(ours).replace(ignored, ""), theirTree);
    buildah("umount", container);
    const theirs = JSON.parse(buildah("inspect", "--type", "image", "theirs").stdout) as {
      OCIv1: { config: Record<string, unknown> };
    };
    const inspected = run("skopeo", ["inspect", "--config", `oci-archive:${oursTar}`]);
    const { config } = JSON.parse(inspected.stdout) as { config: Record<string, unknown> };
    const { Labels: theirLabels, ...theirConfig } = theirs.OCIv1.config;
    const { Labels, ArgsEscaped, ...ourConfig } = config;
    assert.equal(ArgsEscaped, true);
    assert.deepEqual(ourConfig, theirConfig);
    assert.deepEqual(Labels, { x: "y" });
    assert.equal((theirLabels as Record<string, string>)["x"], "y");
    rmSync(storage, { recursive: true, force: true });
  },
);

test("the cluster runs what was built", options, () => {
  const up = machine.up("--no-install");
  assert.equal(up.code, 0, up.stderr);
  for (const word of ["one", "two"]) {
    const built = build(
      { Dockerfile: `FROM busybox\nRUN echo ${word} > /said\nCMD ["cat", "/said"]\n` },
      "-t",
      "team/said",
    );
    assert.equal(built.code, 0, built.stderr);
    const ran = machine.kubectl([
      "run",
      `said-${word}`,
      "--image=team/said",
      "--restart=Never",
      "--attach",
      "--quiet",
    ]);
    const logs = machine.kubectl([
      "wait",
      `pod/said-${word}`,
      "--for=jsonpath={.status.phase}=Succeeded",
      "--timeout=60s",
    ]);
    assert.equal(logs.code, 0, `${ran.stderr}${logs.stderr}`);
    assert.equal(machine.kubectl(["logs", `said-${word}`]).stdout.trim(), word);
  }
});
