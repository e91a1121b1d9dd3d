import type { Heredoc } from "./heredoc.ts";
import type { Lines } from "./location.ts";

/** What every instruction knows of where it stands. */
interface Written {
  readonly lines: Lines;
  /** The instruction as one line, for progress and errors. */
  readonly text: string;
  /** The lines of comment before it, without `#`. */
  readonly comments: readonly string[];
}

export interface KeyValue {
  readonly name: string;
  readonly value: string;
  /** Written `name value`, without the equals sign. */
  readonly legacy: boolean;
}

/** A command as RUN, CMD and ENTRYPOINT have it. */
export interface CommandLine {
  /** The words of the JSON form, or the one text of the shell form. */
  readonly words: readonly string[];
  /** Whether a shell reads it. */
  readonly shell: boolean;
}

export interface ArgumentDefinition {
  readonly name: string;
  readonly value: string | undefined;
}

/** A file that a heredoc of COPY or ADD makes. */
export interface InlineFile {
  readonly name: string;
  readonly content: string;
  /** Whether variables are replaced in the content. */
  readonly expand: boolean;
}

/** COPY, and ADD with what it has besides. */
export interface CopyInstruction extends Written {
  readonly kind: "copy" | "add";
  readonly sources: readonly string[];
  readonly inline: readonly InlineFile[];
  readonly destination: string;
  /** A stage's name or number, or an image; undefined for the context. */
  readonly from: string | undefined;
  readonly chown: string;
  readonly chmod: string;
  readonly link: boolean;
  readonly parents: boolean;
  readonly excludes: readonly string[];
  /** The empty text for none. */
  readonly checksum: string;
  /** Undefined: archives of the context are unpacked, others are not. */
  readonly unpack: boolean | undefined;
  readonly keepGitDir: boolean | undefined;
}

export interface RunInstruction extends Written {
  readonly kind: "run";
  readonly command: CommandLine;
  readonly heredocs: readonly Heredoc[];
  /** The values of --mount; variables in them are not replaced yet. */
  readonly mounts: readonly string[];
  readonly network: "default" | "none" | "host";
  readonly security: "sandbox" | "insecure";
}

/** As Docker's image configuration has it; durations in nanoseconds. */
export interface HealthCheck {
  readonly Test: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

export type Instruction =
  | CopyInstruction
  | RunInstruction
  | (Written & { readonly kind: "env" | "label"; readonly pairs: readonly KeyValue[] })
  | (Written & { readonly kind: "arg"; readonly definitions: readonly ArgumentDefinition[] })
  | (Written & { readonly kind: "cmd" | "entrypoint"; readonly command: CommandLine })
  | (Written & { readonly kind: "expose"; readonly ports: readonly string[] })
  | (Written & { readonly kind: "volume"; readonly paths: readonly string[] })
  | (Written & { readonly kind: "user"; readonly user: string })
  | (Written & { readonly kind: "workdir"; readonly path: string })
  | (Written & { readonly kind: "shell"; readonly shell: readonly string[] })
  | (Written & { readonly kind: "stopsignal"; readonly signal: string })
  | (Written & { readonly kind: "maintainer"; readonly name: string })
  | (Written & { readonly kind: "healthcheck"; readonly check: HealthCheck })
  | (Written & { readonly kind: "onbuild"; readonly trigger: string });

export type ArgInstruction = Extract<Instruction, { kind: "arg" }>;

/** FROM. */
export interface StageHead extends Written {
  readonly kind: "from";
  /** An image or an earlier stage; may have variables. */
  readonly base: string;
  /** Lower case; undefined for a stage without a name. */
  readonly name: string | undefined;
  /** The empty text for none. */
  readonly platform: string;
}
