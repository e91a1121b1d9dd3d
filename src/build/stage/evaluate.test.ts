import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDockerfile } from "#build/dockerfile/dockerfile.ts";
import { DockerfileError } from "#build/dockerfile/location.ts";
import type { ImageConfig } from "#build/image/config.ts";
import { evaluate } from "./evaluate.ts";
import type { Operation } from "./operations.ts";
import { emptyState, stateOfImage, stateOfStage, type StageState } from "./state.ts";

const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const platform = { os: "linux", architecture: "amd64" };
const settings = {
  escape: "\\",
  buildArgs: new Map([
    ["given", "from-outside"],
    ["http_proxy", "http://proxy"],
  ]),
  globalArgs: new Map([
    ["global", "everywhere"],
    ["TARGETARCH", "amd64"],
  ]),
} as const;

function build(
  lines: string,
  start: StageState = emptyState(platform),
): { state: StageState; operations: Operation[]; unset: string[] } {
  let state = start;
  const operations: Operation[] = [];
  const unset: string[] = [];
  for (const instruction of parseDockerfile(`FROM scratch\n${lines}`).stages[0]?.instructions ??
    []) {
    const result = evaluate(instruction, state, settings);
    state = result.state;
    unset.push(...result.unset);
    if (result.operation !== undefined) operations.push(result.operation);
  }
  return { state, operations, unset };
}

const configs: readonly (readonly [given: string, want: Record<string, unknown>])[] = [
  ["ENV a=1 b=$a c=${a:-x}", { Env: [path, "a=1", "b=", "c=x"] }],
  ["ENV a=1\nENV a=2 b=$a", { Env: [path, "a=2", "b=1"] }],
  ["ENV PATH=/opt:$PATH", { Env: [`PATH=/opt:${path.slice(5)}`] }],
  ["ARG given\nENV x=$given", { Env: [path, "x=from-outside"] }],
  ["ARG given=own\nENV x=$given", { Env: [path, "x=from-outside"] }],
  ["ARG own=1\nARG other=${own}2\nENV x=$other", { Env: [path, "x=12"] }],
  ["ARG global\nENV x=$global", { Env: [path, "x=everywhere"] }],
  ["ENV x=$global", { Env: [path, "x="] }],
  ["ARG global=mine\nENV x=$global", { Env: [path, "x=mine"] }],
  ["ARG TARGETARCH\nENV x=$TARGETARCH", { Env: [path, "x=amd64"] }],
  ["ARG v=1\nENV v=2\nENV x=$v", { Env: [path, "v=2", "x=2"] }],
  ["LABEL a=1 b='two words'\nLABEL a=3", { Labels: { a: "3", b: "two words" } }],
  ["USER app:1", { User: "app:1" }],
  ["WORKDIR a\nWORKDIR b/../c", { WorkingDir: "/a/c" }],
  ["ENV d=/x\nWORKDIR ${d}/y/", { WorkingDir: "/x/y" }],
  ["WORKDIR /", { WorkingDir: "/" }],
  [
    "EXPOSE 80 53/UDP 8000-8002 127.0.0.1:90:91",
    {
      ExposedPorts: {
        "80/tcp": {},
        "53/udp": {},
        "8000/tcp": {},
        "8001/tcp": {},
        "8002/tcp": {},
        "91/tcp": {},
      },
    },
  ],
  ["ENV p='1 2'\nEXPOSE $p", { ExposedPorts: { "1/tcp": {}, "2/tcp": {} } }],
  ["VOLUME /a /b", { Volumes: { "/a": {}, "/b": {} } }],
  ["STOPSIGNAL SIGQUIT", { StopSignal: "SIGQUIT" }],
  ["STOPSIGNAL RTMIN+3", { StopSignal: "RTMIN+3" }],
  ["CMD echo hi", { Cmd: ["/bin/sh", "-c", "echo hi"] }],
  ['CMD ["echo", "$a"]', { Cmd: ["echo", "$a"], Entrypoint: undefined }],
  ['SHELL ["bash", "-c"]\nCMD echo', { Cmd: ["bash", "-c", "echo"] }],
  ['CMD a\nENTRYPOINT ["b"]', { Entrypoint: ["b"], Cmd: ["/bin/sh", "-c", "a"] }],
  ["ENTRYPOINT b\nCMD []", { Entrypoint: ["/bin/sh", "-c", "b"], Cmd: [] }],
  ["ONBUILD RUN a\nONBUILD RUN b", { OnBuild: ["RUN a", "RUN b"] }],
  ["HEALTHCHECK --timeout=2s CMD a", { Healthcheck: { Test: ["CMD-SHELL", "a"], Timeout: 2e9 } }],
];

for (const [given, want] of configs) {
  test(`evaluate: ${JSON.stringify(given)}`, () => {
    const config: Partial<Record<string, unknown>> = { ...build(given).state.config };
    const got = Object.fromEntries(Object.keys(want).map((it) => [it, config[it]]));
    assert.deepEqual(got, want);
  });
}

const operations: readonly (readonly [given: string, want: Record<string, unknown>])[] = [
  ["RUN make", { args: ["/bin/sh", "-c", "make"], workdir: "/", user: "", script: undefined }],
  ['RUN ["make"]', { args: ["make"] }],
  ["USER u\nWORKDIR /w\nRUN x", { kind: "directory", path: "/w", user: "u" }],
  ["ENV a=1\nARG b=2\nRUN x", { environment: [path, "a=1", "b=2"] }],
  ["RUN x", { unkeyedEnvironment: ["HTTP_PROXY=http://proxy", "http_proxy=http://proxy"] }],
  ["RUN <<EOF\na\nb\nEOF", { args: ["/bin/sh", "-c", "a\nb\n"] }],
  ["RUN cat <<EOF\n$a\nEOF", { args: ["/bin/sh", "-c", "cat <<EOF\n$a\nEOF"] }],
  [
    "RUN <<EOF\n#!/bin/x\nb\nEOF",
    {
      args: ["/bin/sh", "-c", "/dev/pipes/EOF"],
      script: { path: "/dev/pipes/EOF", content: "#!/bin/x\nb\n" },
    },
  ],
  ["ENV d=/t\nCOPY a $d/", { sources: ["a"], destination: "/t/" }],
  ["COPY a .", { destination: "/" }],
  ["COPY a ./x", { destination: "/x" }],
  ["COPY a /x/.", { destination: "/x/" }],
  [
    "ENV v=1\nCOPY <<a <<'b' /\n$v '$v'\na\n$v\nb",
    {
      inline: [
        { name: "a", content: "1 '1'\n", expand: true },
        { name: "b", content: "$v\n", expand: false },
      ],
    },
  ],
];

for (const [given, want] of operations) {
  test(`evaluate: the operation of ${JSON.stringify(given)}`, () => {
    const operation: Partial<Record<string, unknown>> = { ...build(given).operations[0] };
    const got = Object.fromEntries(Object.keys(want).map((it) => [it, operation[it]]));
    assert.deepEqual(got, want);
  });
}

const faults: readonly (readonly [given: string, want: RegExp])[] = [
  ["EXPOSE x", /invalid port: "x"/],
  ["EXPOSE 70000", /0 to 65535/],
  ["EXPOSE 1-2-3", /invalid port: "1-2-3"/],
  ["EXPOSE 9-8", /ends before it begins/],
  ["EXPOSE 80/http", /expected the protocol/],
  ["STOPSIGNAL SIGNOPE", /invalid signal/],
  ["COPY a b /c", /must be a directory and end with a \//],
  ["COPY https://x/y /c", /use ADD/],
  ["COPY --chmod=9 a b", /invalid chmod parameter/],
  ["ADD --checksum=sha256:0 a b", /requires HTTP/],
  ['ENV a="${b:?no b}"', /b: no b/],
  ["RUN", /requires a command/],
];

for (const [given, want] of faults) {
  test(`evaluate: ${given} is refused, and its line told`, () => {
    assert.throws(
      () => build(given),
      (error) =>
        error instanceof DockerfileError && error.lines.start === 2 && want.test(error.message),
    );
  });
}

test("evaluate: an ARG that is given again keeps its place in the history", () => {
  const { history } = build("ARG a=1\nARG b=2\nARG a=3\nRUN x").state;
  assert.equal(history.at(-1)?.created_by, "RUN |2 a=3 b=2 /bin/sh -c x # buildkit");
});

test("evaluate: history as Docker writes it", () => {
  const { history } = build(
    'ARG v=1\nENV a="x y"\nRUN echo $v\nCOPY --chmod=755 a /b\nWORKDIR /w\nCMD ["a", "b"]\nEXPOSE 80\nHEALTHCHECK --interval=90s CMD ["c"]\nONBUILD RUN x',
  ).state;
  assert.deepEqual(
    history.map((it) => `${it.empty_layer === true ? "" : "+ "}${it.created_by ?? ""}`),
    [
      "ARG v=1",
      "ENV a=x y",
      "+ RUN |1 v=1 /bin/sh -c echo $v # buildkit",
      "+ COPY --chmod=755 a /b # buildkit",
      "+ WORKDIR /w",
      'CMD ["a" "b"]',
      "EXPOSE [80/tcp]",
      "HEALTHCHECK {Test:[CMD c] Interval:1m30s Timeout:0s StartPeriod:0s StartInterval:0s Retries:0}",
    ],
  );
});

const base: ImageConfig = {
  ...platform,
  config: { Cmd: ["base"], Env: ["a=1"], OnBuild: ["RUN x"], User: "u" },
  rootfs: { type: "layers", diff_ids: [] },
};

test("stateOfImage: has a PATH, runs no triggers, and ENTRYPOINT takes the base's CMD away", () => {
  const state = stateOfImage(base);
  assert.deepEqual(state.config.Env, ["a=1", path]);
  assert.equal(state.config.OnBuild, null);
  assert.equal(build('ENTRYPOINT ["e"]', state).state.config.Cmd, null);
  assert.deepEqual(build('CMD ["c"]\nENTRYPOINT ["e"]', state).state.config.Cmd, ["c"]);
});

test("stateOfImage: the history has an entry for every layer", () => {
  const rootfs = { type: "layers", diff_ids: ["sha256:a", "sha256:b"] } as const;
  const history = [{ created_by: "x", empty_layer: true }, { created_by: "y" }];
  const texts = stateOfImage({ ...base, rootfs, history }).history.map((it) => it.created_by);
  assert.deepEqual(texts, ["", "x", "y"]);
});

test("stateOfStage: knows the arguments of the stage it is from", () => {
  const first = build("ARG v=1\nONBUILD RUN x").state;
  const { state } = build("ENV x=$v", stateOfStage(first));
  assert.deepEqual(state.config.Env, [path, "x=1"]);
  assert.equal(state.config.OnBuild, null);
});

test("evaluate: tells variables that are not set", () => {
  assert.deepEqual(build("ENV a=$b\nENV c=$a").unset, ["b"]);
});
