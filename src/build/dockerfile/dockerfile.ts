import type { Directives } from "./directives.ts";
import type { EscapeCharacter } from "./expand.ts";
import type { ArgInstruction, Instruction, StageHead } from "./instructions.ts";
import { DockerfileError, type Lines } from "./location.ts";
import { parseInstruction } from "./parse-instruction.ts";
import { readStatements } from "./statements.ts";

export interface Stage {
  readonly head: StageHead;
  readonly instructions: readonly Instruction[];
}

/** A Dockerfile as it is written: nothing is expanded, no name is looked up. */
export interface Dockerfile {
  readonly directives: Directives;
  readonly escape: EscapeCharacter;
  /** The ARGs before the first FROM. */
  readonly globalArgs: readonly ArgInstruction[];
  /** At least one. */
  readonly stages: readonly Stage[];
  readonly emptyContinuations: readonly Lines[];
}

/** @throws {DockerfileError} for the first fault in it. */
export function parseDockerfile(content: string): Dockerfile {
  const { directives, escape, statements, emptyContinuations } = readStatements(content);
  const globalArgs: ArgInstruction[] = [];
  const stages: { head: StageHead; instructions: Instruction[] }[] = [];
  for (const statement of statements) {
    const instruction = parseInstruction(statement, escape);
    const stage = stages.at(-1);
    if (instruction.kind === "from") stages.push({ head: instruction, instructions: [] });
    else if (stage !== undefined) stage.instructions.push(instruction);
    else if (instruction.kind === "arg") globalArgs.push(instruction);
    else {
      throw new DockerfileError(
        statement.lines,
        `no build stage in current context: expected FROM before ${statement.instruction.toUpperCase()}`,
      );
    }
  }
  const last = statements.at(-1)?.lines ?? { start: 1, end: 1 };
  if (stages.length === 0) {
    throw new DockerfileError(last, "the file contains no stages to build: expected FROM");
  }
  return { directives, escape, globalArgs, stages, emptyContinuations };
}

/**
 * An instruction that a base image left for its children (ONBUILD).
 * @param lines of the FROM that names the image, which errors point at.
 * @throws {DockerfileError}
 */
export function parseTrigger(trigger: string, escape: EscapeCharacter, lines: Lines): Instruction {
  const [statement, ...more] = readStatements(trigger).statements;
  if (statement === undefined || more.length > 0) {
    throw new DockerfileError(
      lines,
      `the base image's ONBUILD trigger '${trigger}' is not one instruction`,
    );
  }
  const instruction = parseInstruction({ ...statement, lines }, escape);
  if (instruction.kind === "from") {
    throw new DockerfileError(
      lines,
      "the base image's ONBUILD trigger is a FROM, which is not allowed",
    );
  }
  return instruction;
}
