import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, containerBody, environmentOf, words } from "./container.ts";

test("words: as a shell splits them", () => {
  const cases: readonly (readonly [given: string, want: readonly string[]])[] = [
    ["python run.py --day 2026-01-01", ["python", "run.py", "--day", "2026-01-01"]],
    ["sh -c 'echo \"a b\"; exit 3'", ["sh", "-c", 'echo "a b"; exit 3']],
    ['echo "it\\"s" a\'b\'c', ["echo", 'it"s', "abc"]],
    ["['echo', 'a b']", ["echo", "a b"]],
    ["[ -f x ]", ["[", "-f", "x", "]"]],
  ];
  for (const [given, want] of cases) assert.deepEqual(words(given), want, given);
  assert.deepEqual(words(["a b", "c"]), ["a b", "c"]);
  assert.equal(words(null), undefined);
});

test("bytesOf: sizes as Docker writes them", () => {
  const cases: readonly (readonly [string | number, number])[] = [
    [10, 10],
    ["10", 10],
    ["2k", 2_048],
    ["512m", 536_870_912],
    ["1GB", 1_073_741_824],
  ];
  for (const [given, want] of cases) assert.equal(bytesOf(given), want, String(given));
  assert.throws(() => bytesOf("much"), /'much' is not a size/);
});

test("environmentOf: files, variables, private ones", () => {
  const input = {
    envFile: "# note\nA=1\nB=x=y\n\n",
    environment: { A: "2", N: 5 },
    privateEnvironment: { KEY: "k" },
  };
  assert.deepEqual(environmentOf(input), { A: "2", B: "x=y", N: "5", KEY: "k" });
});

test("containerBody: Docker's names for Airflow's parameters", () => {
  const input = {
    image: "shop:1",
    command: "run --all",
    environment: { A: "1" },
    cpus: 0.5,
    memLimit: "1k",
    portBindings: { "8080": 80 },
    mounts: [{ Type: "bind", Source: "/a", Target: "/b" }],
    extraHosts: { db: "10.0.0.1" },
    user: 1_000,
    labels: { team: "x" },
    ulimits: [{ name: "nofile", soft: 1, hard: 2 }],
    logOptsMaxSize: "10m",
    init: true,
  };
  const temporary = { source: "/host", target: "/tmp/airflow" };
  assert.deepEqual(containerBody(input, { task: "t" }, temporary), {
    Image: "shop:1",
    Cmd: ["run", "--all"],
    Env: ["AIRFLOW_TMP_DIR=/tmp/airflow", "A=1"],
    User: "1000",
    Tty: false,
    Labels: { team: "x", task: "t" },
    ExposedPorts: { "8080/tcp": {} },
    HostConfig: {
      CpuShares: 512,
      Memory: 1_024,
      Mounts: [
        { Type: "bind", Source: "/a", Target: "/b" },
        { Type: "bind", Source: "/host", Target: "/tmp/airflow" },
      ],
      Init: true,
      Ulimits: [{ Name: "nofile", Soft: 1, Hard: 2 }],
      LogConfig: { Type: "json-file", Config: { "max-size": "10m" } },
      ExtraHosts: ["db:10.0.0.1"],
      PortBindings: { "8080/tcp": [{ HostPort: "80" }] },
    },
  });
});
