import { expand, type ExpandOptions } from "#build/dockerfile/expand.ts";
import type { CopyInstruction, Instruction } from "#build/dockerfile/instructions.ts";
import { DockerfileError } from "#build/dockerfile/location.ts";
import type { RunConfig } from "#build/image/config.ts";
import { cleanPath } from "#build/paths/clean.ts";
import { healthCheckText, plainList, quotedList } from "./describe.ts";
import { nameOf, valueOf, withVariable } from "./environment.ts";
import { copyOperation } from "./evaluate-copy.ts";
import type { BuildSettings, Evaluated, Evaluation } from "./evaluation.ts";
import { commandWords, runOperation } from "./evaluate-run.ts";
import { parseExposed } from "./ports.ts";
import { isSignal } from "./signals.ts";
import type { StageState } from "./state.ts";

/**
 * What an instruction makes of a stage: BuildKit's `dockerfile2llb/convert.go`.
 * @throws {DockerfileError}
 */
export function evaluate(
  instruction: Instruction,
  state: StageState,
  settings: BuildSettings,
): Evaluated {
  const unset = new Set<string>();
  function expanded(text: string, options: ExpandOptions): string {
    const expansion = expand(text, (name) => valueOf(state.environment, name), options);
    for (const name of expansion.unset) unset.add(name);
    return expansion.text;
  }
  const { escape } = settings;
  const evaluation: Evaluation = {
    state,
    settings,
    expandText: (text) => expanded(text, { escape }),
    expandRaw: (text) => expanded(text, { escape: "\\", ignoreQuotes: true }),
  };
  try {
    return { ...evaluateKind(instruction, evaluation), unset: [...unset] };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DockerfileError(instruction.lines, reason, { cause: error });
  }
}

function evaluateKind(instruction: Instruction, it: Evaluation): Omit<Evaluated, "unset"> {
  if (instruction.kind === "run") {
    const operation = runOperation(instruction, it);
    const words = [...argsPrefix(it.state), ...operation.args];
    return { operation, state: layer(it.state, `RUN ${words.join(" ")} # buildkit`) };
  }
  if ("destination" in instruction) {
    const { operation, createdBy } = copyOperation(instruction, it);
    return { operation, state: layer(it.state, `${createdBy} # buildkit`) };
  }
  if (instruction.kind === "workdir") return evaluateWorkdir(instruction, it);
  return { operation: undefined, state: evaluateConfig(instruction, it) };
}

type ConfigInstruction = Exclude<Instruction, CopyInstruction | { kind: "run" | "workdir" }>;

function evaluateConfig(instruction: ConfigInstruction, it: Evaluation): StageState {
  switch (instruction.kind) {
    case "env":
      return evaluateEnv(instruction, it);
    case "label":
      return evaluateLabel(instruction, it);
    case "arg":
      return evaluateArg(instruction, it);
    case "cmd":
    case "entrypoint":
      return evaluateCommand(instruction, it);
    case "expose":
      return evaluateExpose(instruction, it);
    case "volume":
      return evaluateVolume(instruction, it);
    case "onbuild": {
      const OnBuild = [...(it.state.config.OnBuild ?? []), instruction.trigger];
      return { ...it.state, config: { ...it.state.config, OnBuild } };
    }
    case "user":
    case "shell":
    case "stopsignal":
    case "maintainer":
    case "healthcheck":
      return evaluateValue(instruction, it);
  }
}

/** Instructions that have one value, which replaces the one before. */
function evaluateValue(
  instruction: Of<"user" | "shell" | "stopsignal" | "maintainer" | "healthcheck">,
  { state, expandText }: Evaluation,
): StageState {
  switch (instruction.kind) {
    case "user": {
      const User = expandText(instruction.user);
      return configure(state, { User }, `USER ${User}`);
    }
    case "shell":
      return configure(
        state,
        { Shell: instruction.shell },
        `SHELL ${plainList(instruction.shell)}`,
      );
    case "stopsignal": {
      const StopSignal = expandText(instruction.signal);
      if (!isSignal(StopSignal)) {
        throw new Error(`invalid signal: ${StopSignal}: expected a name as SIGTERM or a number`);
      }
      return configure(state, { StopSignal }, `STOPSIGNAL ${StopSignal}`);
    }
    case "maintainer": {
      const next = configure(state, {}, `MAINTAINER ${instruction.name}`);
      return { ...next, author: instruction.name };
    }
    case "healthcheck": {
      const createdBy = `HEALTHCHECK ${healthCheckText(instruction.check)}`;
      return configure(state, { Healthcheck: instruction.check }, createdBy);
    }
  }
}

type Of<Kind extends Instruction["kind"]> = Extract<Instruction, { kind: Kind }>;

function evaluateEnv(instruction: Of<"env" | "label">, it: Evaluation): StageState {
  // All values are expanded with what was set before the instruction.
  const pairs = instruction.pairs.map(
    ({ name, value }) => [it.expandText(name), it.expandText(value)] as const,
  );
  let { environment } = it.state;
  let Env: readonly string[] = it.state.config.Env ?? [];
  for (const [name, value] of pairs) {
    environment = withVariable(environment, name, value);
    Env = withVariable(Env, name, value);
  }
  const texts = pairs.map(([name, value]) => ` ${name}=${value}`);
  return { ...configure(it.state, { Env }, `ENV${texts.join("")}`), environment };
}

function evaluateLabel(instruction: Of<"env" | "label">, it: Evaluation): StageState {
  const pairs = instruction.pairs.map(
    ({ name, value }) => [it.expandText(name), it.expandText(value)] as const,
  );
  const Labels = { ...it.state.config.Labels, ...Object.fromEntries(pairs) };
  const texts = pairs.map(([name, value]) => ` ${name}=${value}`);
  return configure(it.state, { Labels }, `LABEL${texts.join("")}`);
}

function evaluateArg(instruction: Of<"arg">, it: Evaluation): StageState {
  const { buildArgs, globalArgs } = it.settings;
  let state = it.state;
  const texts: string[] = [];
  for (const definition of instruction.definitions) {
    const { name } = definition;
    const given = buildArgs.get(name);
    const own = definition.value === undefined ? globalArgs.get(name) : undefined;
    const value =
      given ??
      own ??
      (definition.value === undefined ? undefined : it.expandText(definition.value));
    if (value !== undefined) {
      state = { ...state, environment: withVariable(state.environment, name, value) };
    }
    const line = `${name}=${value ?? ""}`;
    state = {
      ...state,
      buildArgs: withVariable(state.buildArgs, name, value ?? ""),
    };
    texts.push(value === undefined ? name : line);
  }
  return configure(state, {}, `ARG ${texts.join(" ")}`);
}

function evaluateCommand(instruction: Of<"cmd" | "entrypoint">, it: Evaluation): StageState {
  const words = commandWords(instruction.command, it.state);
  if (instruction.kind === "cmd") {
    const change = { Cmd: words, ArgsEscaped: true };
    return { ...configure(it.state, change, `CMD ${quotedList(words)}`), hasOwnCmd: true };
  }
  // The base image's CMD is an argument of its entrypoint, not of this one.
  const change = { Entrypoint: words, ...(it.state.hasOwnCmd ? {} : { Cmd: null }) };
  return configure(it.state, change, `ENTRYPOINT ${quotedList(words)}`);
}

function evaluateExpose(instruction: Of<"expose">, it: Evaluation): StageState {
  const words = instruction.ports.flatMap((port) => {
    const value = (name: string): string | undefined => valueOf(it.state.environment, name);
    return expand(port, value, { escape: it.settings.escape }).words;
  });
  const ports = words.flatMap(parseExposed);
  const exposed = Object.fromEntries(ports.map((port) => [port, {}]));
  const ExposedPorts = { ...it.state.config.ExposedPorts, ...exposed };
  return configure(it.state, { ExposedPorts }, `EXPOSE ${plainList(ports)}`);
}

function evaluateVolume(instruction: Of<"volume">, it: Evaluation): StageState {
  const paths = instruction.paths.map(it.expandText);
  if (paths.includes("")) throw new Error("VOLUME specified can not be an empty string");
  const volumes = Object.fromEntries(paths.map((path) => [path, {}]));
  const Volumes = { ...it.state.config.Volumes, ...volumes };
  return configure(it.state, { Volumes }, `VOLUME ${plainList(paths)}`);
}

function evaluateWorkdir(instruction: Of<"workdir">, it: Evaluation): Omit<Evaluated, "unset"> {
  const written = it.expandText(instruction.path);
  const WorkingDir = cleanPath(
    written.startsWith("/") ? written : `${it.state.config.WorkingDir ?? "/"}/${written}`,
  );
  const createdBy = `WORKDIR ${WorkingDir}`;
  if (WorkingDir === "/") {
    return { operation: undefined, state: configure(it.state, { WorkingDir }, createdBy) };
  }
  const config = { ...it.state.config, WorkingDir };
  return {
    state: layer({ ...it.state, config }, createdBy),
    operation: {
      kind: "directory",
      path: WorkingDir,
      user: it.state.config.User ?? "",
      lines: instruction.lines,
      title: createdBy,
    },
  };
}

const comment = "buildkit.dockerfile.v0";

/** A change that has no layer. */
function configure(state: StageState, change: RunConfig, createdBy: string): StageState {
  const entry = { created_by: createdBy, comment, empty_layer: true };
  return { ...state, config: { ...state.config, ...change }, history: [...state.history, entry] };
}

function layer(state: StageState, createdBy: string): StageState {
  return { ...state, history: [...state.history, { created_by: createdBy, comment }] };
}

/** `|2 a=1 b=2`: the ARGs that a RUN may have used. */
function argsPrefix(state: StageState): string[] {
  const { buildArgs, environment } = state;
  if (buildArgs.length === 0) return [];
  const lines = buildArgs.map((line) => {
    const name = nameOf(line);
    const value = valueOf(environment, name);
    return value === undefined ? line : `${name}=${value}`;
  });
  return [`|${lines.length}`, ...lines];
}
