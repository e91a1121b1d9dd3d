import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDockerfile } from "#build/dockerfile/dockerfile.ts";
import { DockerfileError } from "#build/dockerfile/location.ts";
import { lintBuild, type LintReport } from "#build/engine/lint-build.ts";
import { LayeredTree } from "#build/tree/layered.ts";
import type { ImageConfig } from "#build/image/config.ts";
import { IgnoreMatcher } from "#build/paths/ignore.ts";
import { checkOptionsOf, findingText, violation } from "./lint.ts";
import { ruleUrl } from "./rules.ts";

const platform = { os: "linux", architecture: "amd64" };
const tree = new LayeredTree([{ directory: import.meta.dirname, opaque: new Set() }]);
const images: Readonly<Record<string, ImageConfig>> = {
  base: {
    ...platform,
    config: { Env: ["HOME_OF=/x"] },
    rootfs: { type: "layers", diff_ids: [] },
  },
  shell: {
    ...platform,
    config: { Shell: ["bash", "-c"] },
    rootfs: { type: "layers", diff_ids: [] },
  },
  onbuild: {
    ...platform,
    config: { OnBuild: ["ENV TRIGGERED=1"] },
    rootfs: { type: "layers", diff_ids: [] },
  },
};

interface Given {
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly ignore?: readonly string[];
  readonly target?: string;
}

async function report(text: string, given: Given = {}): Promise<LintReport> {
  const ignore = given.ignore === undefined ? undefined : new IgnoreMatcher(given.ignore);
  return await lintBuild({
    dockerfile: parseDockerfile(text),
    buildArgs: new Map(Object.entries(given.buildArgs ?? {})),
    platform,
    target: given.target,
    contexts: new Map(),
    context: () => ({ tree, ignore }),
    allStages: given.target === undefined,
    imageOf: (_stage, reference) => Promise.resolve(images[reference]),
  });
}

const cases: readonly (readonly [given: string, want: readonly string[], how?: Given])[] = [
  ["FROM base\nRUN true\n", []],
  [
    "FROM base as Build\n",
    [
      "StageNameCasing: Stage name 'Build' should be lowercase (line 1)",
      "FromAsCasing: 'as' and 'FROM' keywords' casing do not match (line 1)",
    ],
  ],
  ["from base as build\n", []],
  ["From base as build\nRUN x\n", ["ConsistentInstructionCasing: Command 'From'"]],
  [
    "FROM base\nrun a\nRUN b\nCopy c d\n",
    [
      "ConsistentInstructionCasing: Command 'run' should match the case of the command majority (uppercase) (line 2)",
      "ConsistentInstructionCasing: Command 'Copy' should match the case of the command majority (uppercase) (line 4)",
    ],
  ],
  ["FROM base\nRUN a \\\n\n b\n", ["NoEmptyContinuation: Empty continuation line (line 3)"]],
  [
    "FROM base AS a\nFROM base AS a\nFROM base AS scratch\n",
    [
      'DuplicateStageName: Duplicate stage name "a", stage names should be unique (line 2)',
      'ReservedStageName: Stage name should not use the same name as reserved stage "scratch" (line 3)',
    ],
  ],
  [
    "FROM base\nCMD a\nENTRYPOINT b\n",
    [
      "JSONArgsRecommended: JSON arguments recommended for CMD to prevent",
      "JSONArgsRecommended: JSON arguments recommended for ENTRYPOINT to prevent",
    ],
  ],
  ['FROM base\nSHELL ["a"]\nCMD a\n', []],
  ["FROM shell\nCMD a\n", []],
  ["FROM unknown\nCMD a\nENV b=$c\n", []],
  ["FROM base\nMAINTAINER me\n", ["MaintainerDeprecated: Maintainer instruction is deprecated"]],
  ["FROM ${VERSON:-base}\n", []],
  [
    "ARG VERSION=base\nFROM $VERSON$VERSION\n",
    ["UndefinedArgInFrom: FROM argument 'VERSON' is not declared (did you mean VERSION?) (line 2)"],
  ],
  [
    "ARG NAME\nFROM $NAME\n",
    ["InvalidDefaultArgInFrom: Default value for ARG $NAME results in empty"],
    { buildArgs: { NAME: "base" } },
  ],
  [
    "FROM scratch\nWORKDIR a\nWORKDIR b\n",
    ['WorkdirRelativePath: Relative workdir "a" can have unexpected results'],
  ],
  ["FROM scratch AS a\nWORKDIR /a\nFROM a\nWORKDIR b\n", []],
  [
    "FROM base\nENV OTHER=1\nENV a=$HOME_OF b=${none} c=${d:-e} f=$OTHR\n",
    [
      "UndefinedVar: Usage of undefined variable '$none' (line 3)",
      "UndefinedVar: Usage of undefined variable '$OTHR' (did you mean $OTHER?) (line 3)",
    ],
  ],
  ["FROM base\nARG declared\nENV a=$declared\nRUN echo $anything\n", []],
  ["FROM onbuild\nENV a=$TRIGGERED\n", []],
  [
    'FROM scratch\nCMD ["a"]\nHEALTHCHECK CMD a\nHEALTHCHECK NONE\nCMD ["b"]\n',
    [
      "MultipleInstructionsDisallowed: Multiple CMD instructions should not be used in the same stage because only the last one will be used (line 2)",
      "MultipleInstructionsDisallowed: Multiple HEALTHCHECK instructions should not be used in the same stage because only the last one will be used (line 3)",
    ],
  ],
  ['FROM scratch AS a\nCMD ["a"]\nFROM a\nCMD ["b"]\n', []],
  [
    "FROM scratch\nENV a b\nLABEL c d\n",
    [
      'LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format (line 2)',
      'LegacyKeyValueFormat: "LABEL key=value" should be used',
    ],
  ],
  [
    "FROM --platform=$TARGETPLATFORM base\n",
    [
      "RedundantTargetPlatform: Setting platform to predefined $TARGETPLATFORM in FROM is redundant",
    ],
  ],
  [
    "FROM --platform=linux/arm64 base AS build\n",
    [
      'FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "linux/arm64" (line 1)',
      'InvalidBaseImagePlatform: Base image base was pulled with platform "linux/amd64", expected "linux/arm64" for current build (line 1)',
    ],
  ],
  ["FROM --platform=linux/arm64 unknown AS build_arm64\nFROM --platform=$BUILDPLATFORM base\n", []],
  [
    "FROM scratch\nARG API_KEY\nENV password=x TOKEN_FILE=/f PUBLIC_KEY=y monkey=1\n",
    [
      'SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "API_KEY") (line 2)',
      'SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "password") (line 3)',
    ],
  ],
  [
    "FROM scratch\nEXPOSE 80/TCP 127.0.0.1:1:2 3:4\n",
    [
      "ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '127.0.0.1:1:2' (line 2)",
      "ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '3:4' (line 2)",
      "ExposeProtoCasing: Defined protocol '80/TCP' in EXPOSE instruction should be lowercase (line 2)",
    ],
  ],
  [
    "FROM scratch\nCOPY a.md /\nADD b.txt sub/c.md .\nCOPY . /\nCOPY --from=base x.md /\n",
    ['CopyIgnoredFile: Attempting to Copy file "a.md" that is excluded by .dockerignore (line 2)'],
    { ignore: ["*.md"] },
  ],
  ["FROM scratch\nCOPY . /\n", ['CopyIgnoredFile: Attempting to Copy file "."'], { ignore: ["*"] }],
  ["FROM scratch\nCOPY a.md /\n", [], { ignore: ["*.md", "!a.md"] }],
  // What is skipped, by the file, by a comment, by the build.
  ["# check=skip=JSONArgsRecommended,StageNameCasing\nFROM base AS X\nCMD a\n", []],
  ["# check=skip=all\nFROM base AS X\nCMD a\n", []],
  ["FROM base\n# check=skip=JSONArgsRecommended\nCMD a\n", []],
  [
    "# check=skip=all\nFROM base\nMAINTAINER me\nCMD a\n",
    ["MaintainerDeprecated"],
    { buildArgs: { BUILDKIT_DOCKERFILE_CHECK: "skip=JSONArgsRecommended" } },
  ],
  // What has to be asked for.
  ["FROM base\n# other words\nARG a\n", []],
  [
    "# check=experimental=all\n# about it\nFROM base AS build\n# a is fine\nARG a\n# x\n#\nARG b\n# y\nARG c d\n",
    [
      "InvalidDefinitionDescription: Comment for FROM should follow the format: `# build <description>` (line 3)",
      "InvalidDefinitionDescription: Comment for ARG should follow the format: `# <arg_key> <description>` (line 10)",
    ],
  ],
  ["FROM base AS a\nCMD x\nFROM base AS b\n", [], { target: "b" }],
];

for (const [given, want, how] of cases) {
  test(`lint: ${JSON.stringify(given)}`, async () => {
    const texts = (await report(given, how)).findings.map(findingText);
    assert.equal(texts.length, want.length, texts.join("\n"));
    for (const it of want) {
      assert.ok(
        texts.some((text) => text.startsWith(it)),
        `${it}\nin\n${texts.join("\n")}`,
      );
    }
  });
}

test("lint: error=true fails the build that has findings, and only that", async () => {
  const text = "# check=error=true\nFROM base\nCMD a\n";
  const { failing, findings } = await report(text);
  assert.equal(failing, true);
  const error = violation(findings);
  assert.equal(error.lines.start, 3);
  assert.equal(error.message, "lint violation found for rules: JSONArgsRecommended");
  assert.equal((await report("# check=error=true\nFROM base\n")).failing, false);
  assert.equal((await report("# check=skip=all;error=true\nFROM base\nCMD a\n")).failing, false);
});

test("lint: options that there are not are told", () => {
  for (const text of ["skpi=all", "error=maybe", "all"]) {
    const dockerfile = parseDockerfile(`# check=${text}\nFROM a\n`);
    assert.throws(() => checkOptionsOf(dockerfile, new Map()), DockerfileError);
  }
});

test("lint: what cannot be built is an error, at its line", async () => {
  await assert.rejects(
    report("FROM base\nEXPOSE 80\nEXPOSE 80/http\n"),
    (error) => error instanceof DockerfileError && error.lines.start === 3,
  );
});

test("ruleUrl: the page of a rule", () => {
  const docs = "https://docs.docker.com/go/dockerfile/rule";
  assert.equal(ruleUrl("JSONArgsRecommended"), `${docs}/json-args-recommended/`);
  assert.equal(ruleUrl("SecretsUsedInArgOrEnv"), `${docs}/secrets-used-in-arg-or-env/`);
});
