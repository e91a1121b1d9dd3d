import { Flags } from "./flags.ts";
import type {
  CommandLine,
  Instruction,
  KeyValue,
  RunInstruction,
  StageHead,
} from "./instructions.ts";
import { DockerfileError } from "./location.ts";
import type { EscapeCharacter } from "./expand.ts";
import { parseCopy } from "./parse-copy.ts";
import { parseHealthCheck } from "./parse-healthcheck.ts";
import { checkMountFields } from "./run-mounts.ts";
import type { Statement } from "./statements.ts";
import { suggestion } from "#base/suggest.ts";
import { readJsonForm, splitBlanks, splitLine, splitOnce, splitWords } from "./words.ts";

type Parser = (statement: Statement, escape: EscapeCharacter) => Instruction | StageHead;

/** Every instruction of the language, by its name. */
const parsers: Readonly<Record<string, Parser>> = {
  ADD: (it) => parseCopy(it, "add"),
  ARG: parseArg,
  CMD: (it) => ({ ...written(it), kind: "cmd", command: parseCommand(it) }),
  COPY: (it) => parseCopy(it, "copy"),
  ENTRYPOINT: (it) => ({ ...written(it), kind: "entrypoint", command: parseCommand(it) }),
  ENV: (it, escape) => ({ ...written(it), kind: "env", pairs: parsePairs(it, escape) }),
  EXPOSE: (it) => ({ ...written(it), kind: "expose", ports: parseWordList(it).toSorted() }),
  FROM: parseFrom,
  HEALTHCHECK: (it) => ({ ...written(it), kind: "healthcheck", check: parseHealthCheck(it) }),
  LABEL: (it, escape) => ({ ...written(it), kind: "label", pairs: parsePairs(it, escape) }),
  MAINTAINER: (it) => ({ ...written(it), kind: "maintainer", name: parseText(it) }),
  ONBUILD: parseOnBuild,
  RUN: parseRun,
  SHELL: parseShell,
  STOPSIGNAL: (it) => ({ ...written(it), kind: "stopsignal", signal: parseText(it) }),
  USER: (it) => ({ ...written(it), kind: "user", user: parseText(it) }),
  VOLUME: parseVolume,
  WORKDIR: (it) => ({ ...written(it), kind: "workdir", path: parseText(it) }),
};

/** @throws {DockerfileError} */
export function parseInstruction(
  statement: Statement,
  escape: EscapeCharacter,
): Instruction | StageHead {
  const name = statement.instruction.toUpperCase();
  const parser = Object.hasOwn(parsers, name) ? parsers[name] : undefined;
  if (parser === undefined) {
    const names = Object.keys(parsers);
    throw new DockerfileError(
      statement.lines,
      `unknown instruction: ${statement.instruction}${suggestion(name, names)}: expected one of ${names.join(", ")}`,
    );
  }
  try {
    return parser(statement, escape);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DockerfileError(statement.lines, reason, { cause: error });
  }
}

function written(statement: Statement): Pick<Instruction, "lines" | "text" | "comments"> {
  const { lines, text, comments } = statement;
  return { lines, text: text.trim(), comments };
}

/** For instructions that have no flags. */
function refuseFlags(statement: Statement): void {
  new Flags(statement.flags, {});
}

function parseText(statement: Statement): string {
  refuseFlags(statement);
  if (statement.rest !== "") return statement.rest;
  throw new Error(`${statement.instruction.toUpperCase()} requires exactly one argument`);
}

function parseWordList(statement: Statement): readonly string[] {
  refuseFlags(statement);
  const words = splitBlanks(statement.rest);
  if (words.length > 0) return words;
  throw new Error(`${statement.instruction.toUpperCase()} requires at least one argument`);
}

function parseCommand(statement: Statement): CommandLine {
  refuseFlags(statement);
  return readCommand(statement.rest);
}

function readCommand(text: string): CommandLine {
  const words = readJsonForm(text);
  if (words !== undefined) return { words, shell: false };
  return { words: text === "" ? [] : [text], shell: true };
}

function parsePairs(statement: Statement, escape: EscapeCharacter): KeyValue[] {
  refuseFlags(statement);
  const name = statement.instruction.toUpperCase();
  const words = splitWords(statement.rest, escape);
  const [first] = words;
  if (first === undefined) throw new Error(`${name} requires at least one argument`);
  if (!first.includes("=")) {
    const pair = splitOnce(statement.rest);
    if (pair === undefined) {
      throw new Error(`${name} must have two arguments: expected ${name} ${first}=value`);
    }
    return [{ name: pair[0], value: pair[1], legacy: true }];
  }
  return words.map((word) => {
    const at = word.indexOf("=");
    if (at === -1) {
      throw new Error(`can't find = in "${word}": expected name=value (quote a value with spaces)`);
    }
    if (at === 0) throw new Error(`${name} names can not be blank: expected name=value`);
    return { name: word.slice(0, at), value: word.slice(at + 1), legacy: false };
  });
}

function parseArg(statement: Statement, escape: EscapeCharacter): Instruction {
  refuseFlags(statement);
  const words = splitWords(statement.rest, escape);
  if (words.length === 0)
    throw new Error("ARG requires at least one argument: expected ARG name[=default]");
  const definitions = words.map((word) => {
    const at = word.indexOf("=");
    if (at === 0) throw new Error("ARG names can not be blank: expected ARG name[=default]");
    if (at === -1) return { name: word, value: undefined };
    return { name: word.slice(0, at), value: word.slice(at + 1) };
  });
  return { ...written(statement), kind: "arg", definitions };
}

function parseFrom(statement: Statement): StageHead {
  const flags = new Flags(statement.flags, { platform: "text" });
  const [base, as, name, ...more] = splitBlanks(statement.rest);
  const named = name !== undefined && as?.toLowerCase() === "as";
  if (base === undefined || more.length > 0 || (as !== undefined && !named)) {
    throw new Error("FROM requires either one or three arguments: expected FROM image [AS name]");
  }
  if (named && !/^[a-z][a-z0-9\-_.]*$/.test(name.toLowerCase())) {
    throw new Error(
      `invalid name for build stage: "${name}", name can't start with a number or contain symbols`,
    );
  }
  return {
    ...written(statement),
    kind: "from",
    base,
    name: name?.toLowerCase(),
    platform: flags.text("platform"),
  };
}

function parseOnBuild(statement: Statement, escape: EscapeCharacter): Instruction {
  refuseFlags(statement);
  const inner = splitLine(statement.rest, escape);
  const trigger = inner.instruction.toUpperCase();
  if (trigger === "")
    throw new Error("ONBUILD requires at least one argument: expected an instruction");
  if (trigger === "ONBUILD") throw new Error("ONBUILD ONBUILD isn't allowed");
  if (trigger === "FROM" || trigger === "MAINTAINER") {
    throw new Error(`${trigger} isn't allowed as an ONBUILD trigger`);
  }
  // A fault in it is told here, and not to who builds from this image.
  parseInstruction({ ...statement, ...inner, text: statement.rest }, escape);
  const bodies = statement.heredocs.map((it) => `\n${it.content}${it.name}`);
  const text = statement.text.replace(/^\s*ONBUILD\s*/i, "");
  return { ...written(statement), kind: "onbuild", trigger: `${text}${bodies.join("")}` };
}

function parseRun(statement: Statement): RunInstruction {
  const flags = new Flags(statement.flags, { mount: "many", network: "text", security: "text" });
  const mounts = flags.all("mount");
  for (const mount of mounts) checkMountFields(mount);
  return {
    ...written(statement),
    kind: "run",
    command: readCommand(statement.rest),
    heredocs: statement.heredocs,
    mounts,
    network: oneOf(flags.text("network"), "network", ["default", "none", "host"]),
    security: oneOf(flags.text("security"), "security", ["sandbox", "insecure"]),
  };
}

/** @param values the first is the default. */
function oneOf<T extends string>(text: string, flag: string, values: readonly [T, ...T[]]): T {
  if (text === "") return values[0];
  const found = values.find((it) => it === text);
  if (found !== undefined) return found;
  throw new Error(
    `invalid value '${text}' for --${flag}${suggestion(text, values)}: expected ${values.join(", ")}`,
  );
}

function parseShell(statement: Statement): Instruction {
  refuseFlags(statement);
  const shell = readJsonForm(statement.rest);
  if (shell === undefined && statement.rest !== "") {
    throw new Error('SHELL requires the arguments to be in JSON form: expected ["/bin/sh", "-c"]');
  }
  if (shell === undefined || shell.length === 0) {
    throw new Error("SHELL requires at least one argument");
  }
  return { ...written(statement), kind: "shell", shell };
}

function parseVolume(statement: Statement): Instruction {
  refuseFlags(statement);
  const words = readJsonForm(statement.rest) ?? splitBlanks(statement.rest);
  const paths = words.map((it) => it.trim());
  if (paths.length === 0) throw new Error("VOLUME requires at least one argument");
  if (paths.includes("")) throw new Error("VOLUME specified can not be an empty string");
  return { ...written(statement), kind: "volume", paths };
}
