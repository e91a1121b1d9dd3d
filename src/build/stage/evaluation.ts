import type { EscapeCharacter } from "#build/dockerfile/expand.ts";
import type { Operation } from "./operations.ts";
import type { StageState } from "./state.ts";

/** What a build was told, the same for all its stages. */
export interface BuildSettings {
  readonly escape: EscapeCharacter;
  /** --build-arg. */
  readonly buildArgs: ReadonlyMap<string, string>;
  /** ARGs before the first FROM, and those of platforms. */
  readonly globalArgs: ReadonlyMap<string, string>;
}

export interface Evaluated {
  readonly state: StageState;
  /** Undefined when only the configuration changes. */
  readonly operation: Operation | undefined;
  /** Variables that were named and are not set. */
  readonly unset: readonly string[];
}

/** How an instruction sees the stage. */
export interface Evaluation {
  readonly state: StageState;
  readonly settings: BuildSettings;
  /** Replaces variables and takes quotes off. @throws {Error} */
  readonly expandText: (text: string) => string;
  /** Replaces variables and leaves everything else. @throws {Error} */
  readonly expandRaw: (text: string) => string;
}
