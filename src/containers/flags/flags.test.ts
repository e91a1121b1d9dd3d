import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import type { Pod, Volume } from "#api/gen/types.ts";
import { environmentOf, linesOf, pairsOf } from "./environment.ts";
import { checkRefused, keyOf, refusedFlags } from "./refused.ts";
import { parseMount, parseTmpfs, parseVolume, type ContainerMount } from "./mounts.ts";
import { onlyStreams } from "./streams.ts";
import { mountsOfPod } from "./volumes-from.ts";
import { parseExpose, parsePublish } from "./ports.ts";

const published: [text: string, want: string][] = [
  ["80", "*:?->80/tcp"],
  ["8080:80", "*:8080->80/tcp"],
  ["0:80", "*:?->80/tcp"],
  [":80", "*:?->80/tcp"],
  ["53:53/udp", "*:53->53/udp"],
  ["127.0.0.1:8080:80", "127.0.0.1:8080->80/tcp"],
  ["127.0.0.1::80", "127.0.0.1:?->80/tcp"],
  ["0.0.0.0:8080:80", "*:8080->80/tcp"],
  ["[::1]:8080:80", "::1:8080->80/tcp"],
  ["8000-8002:80-82", "*:8000->80/tcp *:8001->81/tcp *:8002->82/tcp"],
  ["8000-8002:80", "*:8000|8001|8002->80/tcp"],
  ["80-81", "*:?->80/tcp *:?->81/tcp"],
];

for (const [text, want] of published) {
  test(`parsePublish: ${text} -> ${want}`, () => {
    const got = parsePublish(text).map(
      (it) => `${it.hostIp ?? "*"}:${it.host?.join("|") ?? "?"}->${it.container}/${it.protocol}`,
    );
    assert.equal(got.join(" "), want);
  });
}

const badPorts = ["", "a", "70000", "80/sctp", "1:2:3:4", "8000-8001:80-82", "82-80", "x.y:1:1"];
for (const text of badPorts) {
  test(`parsePublish: '${text}' is refused`, () => {
    assert.throws(() => parsePublish(text), { name: "UsageError" });
  });
}

test("parseExpose: ranges and protocols", () => {
  assert.deepEqual(parseExpose("53-54/udp"), [
    { container: 53, protocol: "udp" },
    { container: 54, protocol: "udp" },
  ]);
});

function resolve(path: string): string {
  return path.replace(/^\./, "/here");
}

const none = { propagation: undefined };
const volumes: [text: string, want: ContainerMount][] = [
  ["/data", { type: "volume", target: "/data", readOnly: false }],
  ["db:/data", { type: "volume", source: "db", target: "/data", readOnly: false, noCopy: false }],
  ["db:/d:nocopy", { type: "volume", source: "db", target: "/d", readOnly: false, noCopy: true }],
  [
    "./a:/b:ro",
    { type: "bind", source: "/here/a", target: "/b", readOnly: true, makes: true, ...none },
  ],
  [
    "/a:/b:rshared,Z",
    {
      type: "bind",
      source: "/a",
      target: "/b",
      readOnly: false,
      makes: true,
      propagation: "rshared",
    },
  ],
];

for (const [text, want] of volumes) {
  test(`parseVolume: ${text}`, () => {
    assert.deepEqual(parseVolume(text, resolve), want);
  });
}

const badVolumes: [text: string, why: RegExp][] = [
  ["a:b", /'b' is no absolute path/],
  ["a:/b:x", /unknown option 'x'/],
  ["a:/b:ro:c", /expected \[SOURCE:\]TARGET/],
  [":/b", /expected \[SOURCE:\]TARGET/],
  ["-a:/b", /invalid characters for a volume name/],
  ["a/b:/c", /use an absolute path/],
  ["a1:/", /can't be '\/'/],
];

for (const [text, why] of badVolumes) {
  test(`parseVolume: ${text} is refused`, () => {
    assert.throws(() => parseVolume(text, resolve), why);
  });
}

test("parseMount: each type", () => {
  assert.deepEqual(parseMount("type=bind,src=./a,dst=/b,readonly", resolve), {
    type: "bind",
    source: "/here/a",
    target: "/b",
    readOnly: true,
    propagation: undefined,
    makes: false,
  });
  assert.deepEqual(parseMount("source=db1,target=/d,volume-nocopy=true", resolve), {
    type: "volume",
    source: "db1",
    target: "/d",
    readOnly: false,
    subpath: undefined,
    noCopy: true,
  });
  assert.deepEqual(parseMount("type=tmpfs,dst=/t,tmpfs-size=64m", resolve), {
    type: "tmpfs",
    target: "/t",
    readOnly: false,
    size: 64 * 1024 ** 2,
  });
  assert.throws(() => parseMount("type=nfs,dst=/t", resolve), /not 'nfs'/);
  assert.throws(() => parseMount("type=bind,dst=/t", resolve), /needs a source/);
  assert.throws(() => parseMount("what=1,dst=/t", resolve), /unexpected key 'what'/);
  assert.throws(() => parseMount("type=bind,src=/a", resolve), /no absolute path/);
});

test("parseTmpfs: with and without a size", () => {
  assert.equal(parseTmpfs("/run").size, undefined);
  assert.equal(parseTmpfs("/run:rw,size=1g,mode=1777").size, 1024 ** 3);
});

test("environmentOf: files first, flags win, names alone take the shell's", () => {
  const files = [{ path: "f", text: "# a comment\nA=1\n  B=two words \n\nHOME\nNOT_SET\n" }];
  const shell: Record<string, string> = { HOME: "/root" };
  assert.deepEqual(
    environmentOf(files, ["A=2", "C=x=y", "HOME"], (it) => shell[it]),
    [
      { name: "A", value: "2" },
      { name: "B", value: "two words " },
      { name: "HOME", value: "/root" },
      { name: "C", value: "x=y" },
    ],
  );
  assert.throws(
    () => environmentOf([{ path: "f", text: "A=1\n=x" }], [], () => ""),
    /f:2: invalid/,
  );
});

test("pairsOf: a name alone is empty", () => {
  assert.deepEqual(pairsOf(["a=1", "b", "c=x=y"]), { a: "1", b: "", c: "x=y" });
});

const refusals: [given: Record<string, unknown>, why: RegExp | undefined][] = [
  [{}, undefined],
  [{ logDriver: "json-file", cgroupns: "private", runtime: "runc" }, undefined],
  [{ device: "/dev/fuse" }, /--device \/dev\/fuse is not supported: pods get devices/],
  [{ oomKillDisable: true }, /^UsageError: --oom-kill-disable is not supported/],
  [{ logDriver: "syslog" }, /--log-driver syslog is not supported/],
  [{ logOpt: "max-size=1m" }, /kubelet.yaml/],
];

for (const [given, why] of refusals) {
  test(`checkRefused: ${JSON.stringify(given)}`, () => {
    if (why === undefined) checkRefused(given);
    else
      assert.throws(() => {
        checkRefused(given);
      }, why);
  });
}

test("refusedFlags: each is there once, and says what takes its place", () => {
  const keys = refusedFlags.map((it) => keyOf(it.flags));
  assert.equal(new Set(keys).size, keys.length);
  assert.ok(keys.includes("cpusetCpus"));
});

test("linesOf: labels of a file", () => {
  assert.deepEqual(linesOf("# a comment\n  a=b \r\n\nc"), ["a=b ", "c"]);
});

test("onlyStreams: what was not asked for is left out", () => {
  const said: string[] = [];
  const io = {
    out: (text: string | Uint8Array) => said.push(`out ${String(text)}`),
    err: (text: string | Uint8Array) => said.push(`err ${String(text)}`),
    stdin: new Readable(),
    terminal: undefined,
  };
  const write = (attach: readonly string[]): boolean => {
    const streams = onlyStreams({ attach });
    streams.of(io).out("a");
    streams.of(io).err("b");
    return streams.interactive;
  };
  assert.equal(write([]), false);
  assert.equal(write(["STDERR"]), false);
  assert.equal(write(["stdin"]), true);
  assert.deepEqual(said, ["out a", "err b", "err b"]);
  assert.throws(() => write(["stdall"]), /valid streams are STDIN/);
  assert.throws(
    () => onlyStreams({ attach: ["stdout"], detach: true }),
    /both --attach and --detach/,
  );
});

test("mountsOfPod: volumes and binds for another container", () => {
  const pod = (volumes: Volume[]): Pod => ({
    metadata: { name: "db" },
    spec: {
      volumes,
      containers: [
        {
          name: "container",
          volumeMounts: volumes.map((it) => ({ name: it.name, mountPath: `/${it.name}` })),
        },
      ],
    },
  });
  const mounts = mountsOfPod(
    pod([
      { name: "a", persistentVolumeClaim: { claimName: "data" } },
      { name: "b", hostPath: { path: "/srv" } },
      { name: "c", emptyDir: { medium: "Memory" } },
    ]),
    "ro",
  );
  assert.deepEqual(
    mounts.map((it) => [it.type, it.source, it.target, it.readOnly]),
    [
      ["volume", "data", "/a", true],
      ["bind", "/srv", "/b", true],
    ],
  );
  const anonymous = pod([{ name: "d", emptyDir: {} }]);
  assert.throws(() => mountsOfPod(anonymous, undefined), /its volume at \/d has no name/);
  assert.throws(() => mountsOfPod(anonymous, "z"), /expected ro or rw/);
});
