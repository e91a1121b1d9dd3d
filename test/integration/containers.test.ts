// Containers one by one, by the commands that Docker's users know.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { GantryProcess, run, systemMissing, type CommandResult } from "#testing/gantry-process.ts";

const skip = systemMissing();
const options = { skip: skip ?? false, timeout: 240_000 };
const program = resolve(import.meta.dirname, "../../dist/gantry.js");
let system: GantryProcess;

/** The data directory stands first: what follows an image is the container's. */
function words(args: readonly string[]): string[] {
  const verbs = ["volume", "network", "container", "system", "image"].includes(args[0] ?? "")
    ? 2
    : 1;
  const data = ["--data-dir", join(system.directory, "data")];
  return [...args.slice(0, verbs), ...data, ...args.slice(verbs)];
}

function gantry(...args: readonly string[]): CommandResult {
  return system.program(words(args));
}

function withInput(input: string, ...args: readonly string[]): CommandResult {
  return system.program(words(args), input);
}

function ok(result: CommandResult): string {
  assert.equal(result.code, 0, `${result.stderr}${result.stdout}`);
  return result.stdout;
}

function names(...filters: readonly string[]): string {
  const flags = filters.flatMap((it) => ["--filter", it]);
  return ok(gantry("ps", "-a", "--format", "{{.Names}}", ...flags)).trim();
}

before(() => {
  if (skip !== undefined) return;
  system = new GantryProcess(27_743);
  ok(system.gantry("image", "seed"));
  ok(system.up("--registry-port", "0"));
});
after(() => {
  if (skip === undefined) system[Symbol.dispose]();
});

test("run: all output, each stream to its own, and the command's exit code", options, () => {
  const script = "echo out; echo err >&2; exit 7";
  const result = gantry("run", "--rm", "busybox", "sh", "-c", script);
  assert.deepEqual([result.code, result.stdout, result.stderr], [7, "out\n", "err\n"]);
  const numbers = ok(gantry("run", "--rm", "busybox", "seq", "1", "20000"));
  assert.ok(numbers === run("seq", ["1", "20000"]).stdout, `${numbers.length} bytes came`);
  assert.equal(names(), "");
});

test("run -i: input reaches the command to its end", options, () => {
  const input = "line\n".repeat(50_000);
  const counted = withInput(input, "run", "--rm", "-i", "busybox", "sh", "-c", "wc -c; echo end");
  assert.equal(ok(counted), `${input.length}\nend\n`);
});

test("run -it: a terminal with its prompt", options, () => {
  const all = words(["run", "--rm", "-it", "busybox", "sh"]);
  const command = [process.execPath, program, ...all].join(" ");
  const typed = run("script", ["-qec", command, "/dev/null"], {
    input: "echo typ''ed; exit 5\n",
    env: { HOME: system.directory },
  });
  assert.equal(typed.code, 5, typed.stdout);
  assert.match(typed.stdout, /\/ # .*typed/s);
});

test("run: what cannot be is told with Docker's exit codes", options, () => {
  const cases: [args: string[], code: number, want: RegExp][] = [
    [["busybox", "nope"], 127, /executable file not found/],
    [["busybox", "/etc"], 126, /permission denied/],
    [["--pull", "never", "nobody/nothing", "true"], 125, /not present with pull policy of Never/],
    [["Bad_Name!", "true"], 125, /invalid reference format/],
    [["--foo", "busybox"], 125, /unknown option '--foo'/],
    [["--memory", "x", "busybox"], 125, /expected a size such as 512m/],
    [["--network", "nope", "busybox"], 125, /network nope not found/],
    [["--device", "/dev/fuse", "busybox"], 125, /--device \/dev\/fuse is not supported: pods get/],
    [["--sysctl", "kernel.msgmax=1", "busybox"], 125, /SysctlForbidden: .*not allowlisted/],
    [["-v", "a:b", "busybox"], 125, /no absolute path/],
    [[], 125, /missing required argument 'image'/],
  ];
  for (const [args, code, want] of cases) {
    const result = gantry("run", "--rm", ...args);
    assert.deepEqual(
      [result.code, result.stdout],
      [code, ""],
      `${args.join(" ")} ${result.stderr}`,
    );
    assert.match(result.stderr, want);
  }
  assert.equal(names(), "");
});

test("run: limits, streams and volumes of another container", options, () => {
  const limits = ["--ulimit", "nofile=100:200", "--pids-limit", "30", "--memory", "64m"];
  const look = "ulimit -n; ulimit -Hn; cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max";
  const found = gantry("run", "--rm", ...limits, "busybox", "sh", "-c", look);
  assert.equal(found.stdout, "100\n200\n30\n", found.stderr);
  const said = ["busybox", "sh", "-c", "echo out; echo err >&2"];
  const only = gantry("run", "--rm", "-a", "stderr", ...said);
  assert.deepEqual([only.code, only.stdout, only.stderr], [0, "", "err\n"]);
  ok(gantry("run", "--name", "first", "-v", "shared:/data", "busybox", "touch", "/data/file"));
  const from = ["--volumes-from", "first:ro", "busybox", "sh", "-c", "ls /data; touch /data/x"];
  const listed = gantry("run", "--rm", ...from);
  assert.deepEqual([listed.code, listed.stdout], [1, "file\n"]);
  ok(gantry("rm", "first"));
  ok(gantry("volume", "rm", "shared"));
});

test("a container runs beside us until it is stopped, started again and removed", options, () => {
  const script = 'trap "echo bye; exit 9" TERM; echo $WORD; while :; do sleep 0.1; done';
  const flags = ["-d", "--name", "My_App", "-e", "WORD=hi", "-p", "127.0.0.1:18090:80"];
  const id = ok(gantry("run", ...flags, "busybox", "sh", "-c", script)).trim();
  assert.match(id, /^[0-9a-f]{64}$/);
  assert.match(ok(gantry("ps")), /127\.0\.0\.1:18090->80\/tcp +My_App\n/);
  const taken = gantry("run", "--name", "My_App", "busybox");
  assert.equal(taken.code, 125);
  assert.match(taken.stderr, /The container name "\/My_App" is already in use/);
  const port = gantry("run", "-p", "127.0.0.1:18090:80", "busybox");
  assert.equal(port.code, 125);
  assert.match(port.stderr, /port is already allocated/);
  assert.equal(gantry("rm", "My_App").code, 1);
  assert.equal(
    ok(gantry("exec", "-e", "A=1", "-w", "/tmp", "My_App", "sh", "-c", "echo $A $PWD")),
    "1 /tmp\n",
  );
  assert.equal(gantry("exec", id.slice(0, 12), "sh", "-c", "exit 4").code, 4);
  ok(gantry("stop", "My_App"));
  assert.equal(names("status=exited", "exited=9"), "My_App");
  assert.equal(ok(gantry("logs", "My_App")), "hi\nbye\n");
  ok(gantry("start", "My_App"));
  const state = ["inspect", "-f", "{{.State.Status}} {{.Id}}", "My_App"];
  assert.equal(ok(gantry(...state)), `running ${id}\n`);
  ok(gantry("kill", "My_App"));
  assert.equal(ok(gantry("wait", "My_App")), "137\n");
  ok(gantry("rm", "My_App"));
  assert.match(gantry("logs", "My_App").stderr, /not found/);
});

test("signals of the client are the container's", options, async () => {
  const script = 'trap "echo caught; exit 3" TERM; echo ready; while :; do sleep 0.1; done';
  const all = words(["run", "--rm", "busybox", "sh", "-c", script]);
  const client = spawn(process.execPath, [program, ...all], {
    env: { PATH: process.env["PATH"] ?? "", HOME: system.directory },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  client.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
    if (said === "ready\n") client.kill("SIGTERM");
  });
  const [code] = (await once(client, "close")) as [number];
  assert.deepEqual([said, code], ["ready\ncaught\n", 3]);
  assert.equal(names(), "");
});

test("volumes begin with what the image has, and keep what was written", options, () => {
  const context = join(system.directory, "context");
  mkdirSync(context);
  writeFileSync(
    join(context, "Dockerfile"),
    "FROM busybox\nRUN mkdir -p /srv/data/sub && echo seeded > /srv/data/file && chown 77 /srv/data/sub\n",
  );
  ok(system.gantry("build", "-q", "-t", "seeded", context));
  const mount = ["run", "--rm", "-v", "data1:/srv/data", "seeded"];
  const look = "cat /srv/data/file; stat -c %u /srv/data/sub; echo mine > /srv/data/file";
  assert.equal(ok(gantry(...mount, "sh", "-c", look)), "seeded\n77\n");
  assert.equal(ok(gantry(...mount, "cat", "/srv/data/file")), "mine\n");
  const bind = ["-v", `${context}:/host:ro`, "--read-only"];
  const write = gantry("run", "--rm", ...bind, "busybox", "sh", "-c", "ls /host; touch /host/x /x");
  assert.deepEqual([write.code, write.stdout], [1, "Dockerfile\n"]);
  assert.match(ok(gantry("volume", "ls")), /data1/);
  ok(gantry("volume", "rm", "data1"));
  assert.match(gantry("volume", "rm", "data1").stderr, /no such volume/);
});

test("files are copied both ways", options, () => {
  ok(gantry("run", "-d", "--name", "files", "busybox", "sleep", "1000"));
  const here = join(system.directory, "copied.txt");
  writeFileSync(here, "hello\n");
  ok(gantry("cp", here, "files:/tmp/there"));
  assert.equal(ok(gantry("exec", "files", "cat", "/tmp/there")), "hello\n");
  ok(gantry("exec", "files", "sh", "-c", "mkdir -p /tmp/d/e; echo deep > /tmp/d/e/f"));
  ok(gantry("cp", "files:/tmp/d", join(system.directory, "d")));
  assert.equal(readFileSync(join(system.directory, "d/e/f"), "utf8"), "deep\n");
  const missing = gantry("cp", "files:/tmp/nothing", here);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /Could not find the file \/tmp\/nothing in container files/);
  ok(gantry("exec", "files", "ln", "-s", "/etc", "/tmp/etc"));
  ok(gantry("cp", here, "files:/tmp/etc/gantry-copied"));
  assert.equal(existsSync("/etc/gantry-copied"), false);
  assert.equal(ok(gantry("exec", "files", "cat", "/etc/gantry-copied")), "hello\n");
  const without = ["exec", "files", "rm", "-rf", "/bin/tar", "/bin/ps"];
  ok(gantry(...without));
  ok(gantry("cp", `${join(system.directory, "d")}/.`, "files:/tmp/new"));
  assert.equal(ok(gantry("exec", "files", "cat", "/tmp/new/e/f")), "deep\n");
  assert.match(ok(gantry("top", "files", "-o", "pid,args")), /^PID +COMMAND\n\d+ +sleep 1000\n$/);
  // What has ended still has its files, and takes some; what its volumes have is not among them.
  ok(gantry("stop", "-t", "0", "files"));
  assert.equal(ok(gantry("cp", "files:/tmp/new/e/f", "-")).includes("deep\n"), true);
  ok(gantry("cp", here, "files:/tmp/late"));
  const exported = join(system.directory, "exported.tar");
  ok(gantry("export", "-o", exported, "files"));
  const listed = run("tar", ["-tf", exported]).stdout;
  assert.match(listed, /^\.\/tmp\/late$/m);
  assert.doesNotMatch(listed, /^\.\/proc\/./m);
  const change = ["-c", 'CMD ["cat", "/tmp/late"]'];
  ok(gantry("import", ...change, exported, "imported:1"));
  assert.equal(ok(gantry("run", "--rm", "imported:1")), "hello\n");
  ok(gantry("rm", "-f", "files"));
  ok(gantry("create", "--name", "unborn", "busybox"));
  assert.match(gantry("cp", "unborn:/etc", "-").stderr, /was never started: it has no files/);
  ok(gantry("rm", "unborn"));
});

test("exec: as another user, in another place, beside us", options, () => {
  const script =
    "echo web:x:4321:34::/:/bin/sh >> /etc/passwd; echo mail:x:8:web >> /etc/group; sleep 1000";
  ok(gantry("run", "-d", "--name", "users", "busybox", "sh", "-c", script));
  const cases: [flags: string[], command: string, code: number, want: RegExp][] = [
    [["-u", "web"], "id", 0, /^uid=4321\(web\) gid=34 groups=8\(mail\)\n$/],
    [["-u", "web:8"], "id", 0, /^uid=4321\(web\) gid=8\(mail\)\n$/],
    [["-u", "web"], "exit 4", 4, /^$/],
    [["-u", "nobody-here"], "id", 125, /unable to find user nobody-here/],
    [["-w", "/tmp", "-e", "A=1"], "echo $A $PWD", 0, /^1 \/tmp\n$/],
  ];
  for (const [flags, command, code, want] of cases) {
    const result = gantry("exec", ...flags, "users", "sh", "-c", command);
    assert.equal(result.code, code, result.stderr);
    assert.match(`${result.stdout}${result.stderr}`, want);
  }
  assert.equal(ok(withInput("typed", "exec", "-i", "-u", "web", "users", "cat")), "typed");
  ok(gantry("exec", "-d", "-u", "web", "users", "sleep", "999"));
  assert.match(ok(gantry("top", "users", "-o", "pid,uid,args")), /\d+ +4321 +sleep 999\n/);
  ok(gantry("rm", "-f", "users"));
  const named = ["run", "--rm", "-u", "www-data:nogroup", "busybox", "id"];
  assert.match(ok(gantry(...named)), /^uid=33\(www-data\) gid=65534\(nogroup\)/);
  const nobody = gantry("run", "--rm", "-u", "nobody-here", "busybox", "id");
  assert.equal(nobody.code, 125);
  assert.match(nobody.stderr, /unable to find user nobody-here: no matching entries/);
});

test("a container is frozen, renamed, watched, and made an image", options, () => {
  ok(gantry("run", "-d", "--name", "first", "-w", "/srv", "busybox", "sleep", "1000"));
  ok(gantry("exec", "first", "sh", "-c", "echo new > /srv/new; rm /etc/group"));
  assert.match(ok(gantry("diff", "first")), /^C \/etc\nD \/etc\/group\n.*A \/srv\/new\n/s);
  const change = ["--change", 'CMD ["cat", "new"]'];
  ok(gantry("commit", "-m", "why", ...change, "first", "committed:1"));
  assert.equal(ok(gantry("run", "--rm", "committed:1")), "new\n");
  ok(gantry("pause", "first"));
  assert.equal(names("status=paused"), "first");
  assert.match(gantry("exec", "first", "true").stderr, /is paused, unpause the container/);
  const frozen = ok(gantry("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}"));
  assert.equal(frozen, "first 1\n");
  ok(gantry("unpause", "first"));
  ok(gantry("rename", "first", "second"));
  ok(gantry("run", "-d", "--name", "first", "busybox", "true"));
  assert.equal(names(), "first\nsecond");
  assert.match(gantry("rename", "first", "second").stderr, /"\/second" is already in use/);
  assert.equal(ok(gantry("wait", "first")), "0\n");
  assert.match(ok(gantry("container", "prune", "-f")), /^Deleted Containers:\n[0-9a-f]{64}\n$/);
  assert.match(ok(gantry("system", "df")), /^Images +\d+ +1 /m);
  ok(gantry("rm", "-f", "second"));
  // What a container is of stays.
  ok(gantry("run", "-d", "--name", "keeper", "busybox", "sleep", "1000"));
  assert.match(ok(gantry("image", "prune", "-f", "-a")), /Untagged: committed:1\n/);
  assert.match(ok(gantry("images")), /^busybox /m);
  ok(gantry("rm", "-f", "keeper"));
});

test("those of a network find each other by name, and others do not reach them", options, () => {
  ok(gantry("network", "create", "back"));
  const server = ["--name", "server", "--network", "back"];
  ok(gantry("run", "-d", ...server, "busybox", "httpd", "-f", "-p", "80", "-h", "/etc"));
  const ask = "until wget -qO- http://server/group; do sleep 0.2; done";
  const own = ["--network", "back", "busybox", "timeout", "30", "sh", "-c", ask];
  assert.match(ok(gantry("run", "--rm", ...own)), /root/);
  const address = ok(gantry("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "server")).trim();
  // Not as the first process, which signals of its own namespace do not end.
  const other = `timeout 3 wget -qO- http://${address}/group || exit 9`;
  assert.equal(gantry("run", "--rm", "busybox", "sh", "-c", other).code, 9);
  assert.match(gantry("network", "rm", "back").stderr, /active endpoints: server/);
  ok(gantry("rm", "-f", "server"));
  ok(gantry("network", "rm", "back"));
});

test("kubectl sees containers, and what --rm leaves goes without a client", options, () => {
  ok(gantry("run", "-d", "--rm", "--name", "brief", "-l", "a=b", "busybox", "sleep", "1"));
  const pods = ["get", "pods", "-n", "containers", "-l", "a=b", "-o", "name"];
  assert.equal(ok(system.kubectl(pods)), "pod/brief\n");
  const gone = ["wait", "--for=delete", "pod/brief", "-n", "containers", "--timeout=60s"];
  ok(system.kubectl(gone));
});
