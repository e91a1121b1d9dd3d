import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseDockerfile, parseTrigger } from "./dockerfile.ts";
import type { Instruction } from "./instructions.ts";
import { describeDockerfileError, DockerfileError } from "./location.ts";

/** The fields of the one instruction after FROM that are about it, not about where it stands. */
function parseOne(text: string): Record<string, unknown> {
  const [instruction] = parseDockerfile(`FROM a\n${text}`).stages[0]?.instructions ?? [];
  assert.ok(instruction !== undefined);
  return Object.fromEntries(
    Object.entries(instruction satisfies Instruction).filter(
      ([name, value]) => !["lines", "text", "comments"].includes(name) && value !== undefined,
    ),
  );
}

const copyDefaults = {
  inline: [],
  chown: "",
  chmod: "",
  link: false,
  parents: false,
  excludes: [],
  checksum: "",
};
const runDefaults = { heredocs: [], mounts: [], network: "default", security: "sandbox" };

const instructions: readonly (readonly [given: string, want: Record<string, unknown>])[] = [
  ["RUN make all", { kind: "run", command: { words: ["make all"], shell: true }, ...runDefaults }],
  [
    'RUN ["make", "all"]',
    { kind: "run", command: { words: ["make", "all"], shell: false }, ...runDefaults },
  ],
  ["RUN ['make']", { kind: "run", command: { words: ["['make']"], shell: true }, ...runDefaults }],
  [
    "run a \\\n  b \\\n# no\n\n  c",
    { kind: "run", command: { words: ["a   b   c"], shell: true }, ...runDefaults },
  ],
  [
    "RUN --network=none --security=insecure --mount=type=cache,target=/x --mount=target=/y true",
    {
      kind: "run",
      command: { words: ["true"], shell: true },
      heredocs: [],
      mounts: ["type=cache,target=/x", "target=/y"],
      network: "none",
      security: "insecure",
    },
  ],
  ["RUN -- --odd", { kind: "run", command: { words: ["--odd"], shell: true }, ...runDefaults }],
  ["COPY a b /c/", { kind: "copy", sources: ["a", "b"], destination: "/c/", ...copyDefaults }],
  ['COPY ["a b", "c"]', { kind: "copy", sources: ["a b"], destination: "c", ...copyDefaults }],
  [
    "COPY --from=build --chown=1:2 --chmod=u+x --link --parents --exclude=*.md --exclude=x a b",
    {
      kind: "copy",
      sources: ["a"],
      destination: "b",
      from: "build",
      chown: "1:2",
      chmod: "u+x",
      link: true,
      parents: true,
      excludes: ["*.md", "x"],
      inline: [],
      checksum: "",
    },
  ],
  [
    "ADD --unpack=false --checksum=sha256:00 --keep-git-dir https://x/y /z",
    {
      kind: "add",
      sources: ["https://x/y"],
      destination: "/z",
      ...copyDefaults,
      unpack: false,
      keepGitDir: true,
      checksum: "sha256:00",
    },
  ],
  [
    "COPY <<a <<-'b' /x/\none $v\na\n\ttwo $v\n\tb",
    {
      kind: "copy",
      sources: [],
      destination: "/x/",
      ...copyDefaults,
      inline: [
        { name: "a", content: "one $v\n", expand: true },
        { name: "b", content: "two $v\n", expand: false },
      ],
    },
  ],
  [
    "RUN <<EOF\necho 1\n# kept\nEOF",
    {
      ...runDefaults,
      kind: "run",
      command: { words: ["<<EOF"], shell: true },
      heredocs: [{ name: "EOF", expand: true, stripTabs: false, content: "echo 1\n# kept\n" }],
    },
  ],
  [
    "ENV a=1 b='x y' c=\"q\" d=x\\ y",
    {
      kind: "env",
      pairs: [
        { name: "a", value: "1", legacy: false },
        { name: "b", value: "'x y'", legacy: false },
        { name: "c", value: '"q"', legacy: false },
        { name: "d", value: "x\\ y", legacy: false },
      ],
    },
  ],
  ["ENV a  b c", { kind: "env", pairs: [{ name: "a", value: "b c", legacy: true }] }],
  ['LABEL "a b"=c', { kind: "label", pairs: [{ name: '"a b"', value: "c", legacy: false }] }],
  [
    "ARG a b=1 c=",
    {
      kind: "arg",
      definitions: [
        { name: "a", value: undefined },
        { name: "b", value: "1" },
        { name: "c", value: "" },
      ],
    },
  ],
  ["CMD", { kind: "cmd", command: { words: [], shell: true } }],
  ["CMD []", { kind: "cmd", command: { words: [], shell: false } }],
  ["ENTRYPOINT exec top", { kind: "entrypoint", command: { words: ["exec top"], shell: true } }],
  ["EXPOSE 80 443/tcp", { kind: "expose", ports: ["443/tcp", "80"] }],
  ['VOLUME ["/a b", "/c"]', { kind: "volume", paths: ["/a b", "/c"] }],
  ["VOLUME /a /c", { kind: "volume", paths: ["/a", "/c"] }],
  ["USER a b", { kind: "user", user: "a b" }],
  ["WORKDIR /x y", { kind: "workdir", path: "/x y" }],
  ['SHELL ["a", "-c"]', { kind: "shell", shell: ["a", "-c"] }],
  ["STOPSIGNAL SIGINT", { kind: "stopsignal", signal: "SIGINT" }],
  ["MAINTAINER me <me@x>", { kind: "maintainer", name: "me <me@x>" }],
  ["HEALTHCHECK NONE", { kind: "healthcheck", check: { Test: ["NONE"] } }],
  [
    "HEALTHCHECK --interval=1m30s --timeout=500ms --retries=3 CMD curl x",
    {
      kind: "healthcheck",
      check: { Test: ["CMD-SHELL", "curl x"], Interval: 90e9, Timeout: 5e8, Retries: 3 },
    },
  ],
  ['HEALTHCHECK CMD ["a", "b"]', { kind: "healthcheck", check: { Test: ["CMD", "a", "b"] } }],
  ["ONBUILD RUN x", { kind: "onbuild", trigger: "RUN x" }],
  ["ONBUILD COPY <<a /x\nhi\na", { kind: "onbuild", trigger: "COPY <<a /x\nhi\na" }],
];

for (const [given, want] of instructions) {
  test(`parseDockerfile: ${JSON.stringify(given)}`, () => {
    assert.deepEqual(parseOne(given), want);
  });
}

const faults: readonly (readonly [given: string, line: number, want: RegExp])[] = [
  ["", 1, /no instructions/],
  ["# just this", 1, /no instructions/],
  ["ARG a", 1, /no stages/],
  ["RUN x\nFROM a", 1, /expected FROM before RUN/],
  ["FROM a\nRNU x", 2, /unknown instruction: RNU \(did you mean RUN\?\)/],
  ["FROM", 1, /either one or three/],
  ["FROM a b", 1, /either one or three/],
  ["FROM a AS 1x", 1, /invalid name for build stage/],
  ["FROM a\n\nCOPY x", 3, /at least two arguments/],
  ["FROM a\nCOPY --form=x a b", 2, /unknown flag: --form \(did you mean --from\?\)/],
  ["FROM a\nCOPY --link=maybe a b", 2, /expecting boolean/],
  ["FROM a\nCOPY --from a b", 2, /missing a value on flag: --from/],
  ["FROM a\nCOPY --chown=1 --chown=2 a b", 2, /duplicate flag/],
  ["FROM a\nCOPY a <<E\nE", 2, /heredoc as a destination/],
  ["FROM a\nRUN <<E\nx", 2, /unterminated heredoc: expected a line with just 'E'/],
  ["FROM a\nRUN [1]", 2, /strings only/],
  [
    "FROM a\nRUN --mount=tpye=cache true",
    2,
    /unexpected key 'tpye' in mount \(did you mean type\?\)/,
  ],
  ["FROM a\nRUN --mount=target true", 2, /must be a key=value pair/],
  ["FROM a\nRUN --mount=from=$x,target=/x true", 2, /doesn't support variable expansion/],
  ["FROM a\nRUN --network=hots true", 2, /'hots' for --network \(did you mean host\?\)/],
  ["FROM a\nENV x", 2, /must have two arguments/],
  ["FROM a\nENV", 2, /at least one argument/],
  ["FROM a\nENV a=1 b", 2, /can't find = in "b"/],
  ["FROM a\nENV =1", 2, /names can not be blank/],
  ["FROM a\nARG =1", 2, /names can not be blank/],
  ["FROM a\nEXPOSE", 2, /at least one argument/],
  ["FROM a\nSHELL sh -c", 2, /JSON form/],
  ["FROM a\nSHELL []", 2, /at least one argument/],
  ["FROM a\nHEALTHCHECK", 2, /expected CMD command or NONE/],
  ["FROM a\nHEALTHCHECK NONE x", 2, /takes no arguments/],
  ["FROM a\nHEALTHCHECK RUN x", 2, /Unknown type "RUN"/],
  ["FROM a\nHEALTHCHECK --interval=5 CMD x", 2, /invalid duration '5'/],
  ["FROM a\nHEALTHCHECK --interval=1us CMD x", 2, /cannot be less than 1ms/],
  ["FROM a\nHEALTHCHECK --retries=-1 CMD x", 2, /cannot be negative/],
  ["FROM a\nONBUILD ONBUILD RUN x", 2, /ONBUILD ONBUILD isn't allowed/],
  ["FROM a\nONBUILD FROM x", 2, /FROM isn't allowed/],
  ["FROM a\nONBUILD COPY x", 2, /at least two arguments/],
  ["FROM a\nUSER --x y", 2, /unknown flag: --x: none is allowed here/],
  ["# escape=x\nFROM a", 1, /invalid escape token/],
  ["# escape=`\n# escape=`\nFROM a", 2, /only one escape parser directive/],
];

for (const [given, line, want] of faults) {
  test(`parseDockerfile: ${JSON.stringify(given)} is refused at line ${line}`, () => {
    assert.throws(
      () => parseDockerfile(given),
      (error) =>
        error instanceof DockerfileError && error.lines.start === line && want.test(error.message),
    );
  });
}

test("parseDockerfile: stages, global arguments, directives", () => {
  const parsed = parseDockerfile(
    "\uFEFF# syntax=docker/dockerfile:1\n#Escape = `\n# check=skip=all\n# x=y\nARG v=1\nFROM --platform=$P a:$v AS Base\r\nRUN dir C:\\\nRUN x `\n y\nFROM base\n",
  );
  assert.deepEqual(parsed.directives, {
    syntax: "docker/dockerfile:1",
    escape: "`",
    check: "skip=all",
  });
  assert.equal(parsed.globalArgs.length, 1);
  const heads = parsed.stages.map(({ head }) => [
    head.base,
    head.name,
    head.platform,
    head.lines.start,
  ]);
  assert.deepEqual(heads, [
    ["a:$v", "base", "$P", 6],
    ["base", undefined, "", 10],
  ]);
  const texts = parsed.stages[0]?.instructions.map((it) => it.text);
  assert.deepEqual(texts, ["RUN dir C:\\", "RUN x  y"]);
});

test("parseDockerfile: a comment ends the directives", () => {
  assert.equal(parseDockerfile("# hello\n# escape=`\nFROM a").escape, "\\");
});

test("parseDockerfile: tells continuations over empty lines", () => {
  const { emptyContinuations } = parseDockerfile("FROM a\nRUN x \\\n\n y\nRUN z \\\n");
  assert.deepEqual(emptyContinuations, [{ start: 2, end: 3 }]);
});

test("parseDockerfile: instructions know their lines", () => {
  const parsed = parseDockerfile("FROM a\nRUN <<E\nx\nE\nRUN a \\\n b\n");
  const lines = parsed.stages[0]?.instructions.map((it) => it.lines);
  assert.deepEqual(lines, [
    { start: 2, end: 4 },
    { start: 5, end: 6 },
  ]);
});

test("parseTrigger: points at the FROM that brought it", () => {
  const lines = { start: 7, end: 7 };
  assert.deepEqual(parseTrigger("RUN x", "\\", lines).lines, lines);
  assert.throws(() => parseTrigger("RUN x\nRUN y", "\\", lines), /not one instruction/);
  assert.throws(() => parseTrigger("FROM x", "\\", lines), /is a FROM/);
});

test("describeDockerfileError: shows the lines around the fault", () => {
  const content = "FROM a\nRUN b\nRNU c\nRUN d\nRUN e\nRUN f";
  const error = new DockerfileError({ start: 3, end: 3 }, "unknown instruction: RNU");
  assert.equal(
    describeDockerfileError(error, "Dockerfile", content),
    [
      "Dockerfile:3: unknown instruction: RNU",
      "   1 |     FROM a",
      "   2 |     RUN b",
      "   3 | >>> RNU c",
      "   4 |     RUN d",
      "   5 |     RUN e",
    ].join("\n"),
  );
});

test("parseDockerfile: any text gives a Dockerfile or points into itself", () => {
  const line = fc.oneof(
    fc.constantFrom(
      "FROM a",
      "RUN <<E",
      "E",
      "COPY <<-x /",
      "ENV a=\\",
      "# c",
      "",
      "RUN x \\",
      'ADD ["a","b"]',
    ),
    fc.string({ maxLength: 20 }),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
      const content = lines.join("\n");
      try {
        assert.ok(parseDockerfile(content).stages.length > 0);
      } catch (error) {
        assert.ok(error instanceof DockerfileError, String(error));
        assert.ok(error.lines.start >= 1 && error.lines.end <= content.split("\n").length);
      }
    }),
  );
});
