import type { InlineFile } from "#build/dockerfile/instructions.ts";
import type { Lines } from "#build/dockerfile/location.ts";
import type { RunMount } from "#build/dockerfile/run-mounts.ts";
import type { Environment } from "./environment.ts";

/** What an instruction does to the files of a stage, everything expanded. */
export type Operation = RunOperation | CopyOperation | DirectoryOperation;

interface Named {
  readonly lines: Lines;
  /** For the display. */
  readonly title: string;
}

export interface RunOperation extends Named {
  readonly kind: "run";
  readonly args: readonly string[];
  /** A file that is there while the command runs: what a heredoc with `#!` holds. */
  readonly script: { readonly path: string; readonly content: string } | undefined;
  readonly environment: Environment;
  /** What is set as well, and has no part in the result: proxies. */
  readonly unkeyedEnvironment: Environment;
  readonly workdir: string;
  /** `name`, `uid:gid`; empty for root. */
  readonly user: string;
  readonly mounts: readonly RunMount[];
  readonly network: "default" | "none" | "host";
  readonly security: "sandbox" | "insecure";
}

export interface CopyOperation extends Named {
  readonly kind: "copy";
  /** ADD: URLs and archives mean something. */
  readonly isAdd: boolean;
  readonly sources: readonly string[];
  readonly inline: readonly InlineFile[];
  /** From the root; ends with a slash if it was written so. */
  readonly destination: string;
  readonly from: string | undefined;
  readonly chown: string;
  readonly chmod: string;
  readonly link: boolean;
  readonly parents: boolean;
  readonly excludes: readonly string[];
  readonly checksum: string;
  readonly unpack: boolean | undefined;
  readonly keepGitDir: boolean;
}

/** WORKDIR makes its directory. */
export interface DirectoryOperation extends Named {
  readonly kind: "directory";
  readonly path: string;
  readonly user: string;
}
