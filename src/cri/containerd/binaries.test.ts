import assert from "node:assert/strict";
import { test } from "node:test";
import { findProgram, MissingProgramsError } from "./binaries.ts";

test("MissingProgramsError: names the programs and one command that installs them", () => {
  const error = new MissingProgramsError([
    { program: "containerd-shim-runc-v2", package: "containerd" },
    { program: "containerd", package: "containerd" },
    { program: "nft", package: "nftables" },
  ]);
  assert.equal(
    error.message,
    "missing on this machine: containerd-shim-runc-v2, containerd, nft. Install with: " +
      "apt-get install --no-install-recommends containerd nftables",
  );
  assert.deepEqual(error.packages, ["containerd", "nftables"]);
});

test("findProgram: a shell is found, nonsense is not", async () => {
  assert.match((await findProgram("sh")) ?? "", /bin\/sh$/);
  assert.equal(await findProgram("no-such-program-anywhere"), undefined);
});
