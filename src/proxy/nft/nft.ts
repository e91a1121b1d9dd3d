import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "#proxy/run-program.ts";

/** Runs transactions of the `nft` program. */
export interface Nft {
  /** @throws {Error} with nft's words; nothing of the script has happened then. */
  apply(script: string, signal: AbortSignal): Promise<void>;
}

/** @param program full path of `nft`. */
export function nftOf(program: string): Nft {
  return {
    async apply(script, signal) {
      // nft cannot open the pipe that Node gives a child as its stdin.
      const directory = await mkdtemp(join(tmpdir(), "gantry-nft-"));
      try {
        const file = join(directory, "script");
        await writeFile(file, script, { mode: 0o600 });
        await runProgram(program, ["-f", file], signal);
      } finally {
        await rm(directory, { recursive: true });
      }
    },
  };
}
