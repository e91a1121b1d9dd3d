import { imageArchitecture } from "#oci/architecture.ts";
import { ociArchive } from "./oci-archive.ts";

/** Of every sandbox. No registry has it: it is imported at start, and again should it be removed. */
export const pauseImageName = "gantry.local/pause:1";

/** The image, as a tar. @param arch as `process.arch` says it. */
export function pauseImage(arch: string): AsyncGenerator<Uint8Array, void, undefined> {
  const architecture = imageArchitecture(arch);
  return ociArchive({
    name: pauseImageName,
    architecture,
    config: { Entrypoint: ["/pause"], Env: ["PATH=/"], WorkingDir: "/" },
    files: [{ type: "file", name: "pause", mode: 0o755, content: pauseProgram(architecture) }],
  });
}

/**
 * A program of some instructions that holds a sandbox's namespaces open: it ignores SIGCHLD, so that
 * orphans of a shared process namespace leave no zombies, and sleeps for ever. An ELF file of one
 * loadable segment; at its end stands the `struct sigaction` whose handler is SIG_IGN (1).
 */
export function pauseProgram(architecture: "amd64" | "arm64"): Buffer {
  const { machine, code } = programs[architecture];
  const padded = Buffer.alloc(Math.ceil((headBytes + code.length) / 16) * 16 - headBytes);
  code.copy(padded);
  const ignore = Buffer.alloc(32);
  ignore.writeUInt8(1);
  const size = BigInt(headBytes + padded.length + ignore.length);
  const elf = Buffer.alloc(elfHeadBytes);
  elf.write("\x7fELF\x02\x01\x01", "latin1");
  elf.writeUInt16LE(2, 16); // ET_EXEC
  elf.writeUInt16LE(machine, 18);
  elf.writeUInt32LE(1, 20); // version
  elf.writeBigUInt64LE(baseAddress + BigInt(headBytes), 24); // entry
  elf.writeBigUInt64LE(BigInt(elfHeadBytes), 32); // program header offset
  elf.writeUInt16LE(elfHeadBytes, 52);
  elf.writeUInt16LE(programHeadBytes, 54);
  elf.writeUInt16LE(1, 56); // program headers
  const segment = Buffer.alloc(programHeadBytes);
  segment.writeUInt32LE(1, 0); // PT_LOAD
  segment.writeUInt32LE(5, 4); // read and execute
  segment.writeBigUInt64LE(baseAddress, 16);
  segment.writeBigUInt64LE(baseAddress, 24);
  segment.writeBigUInt64LE(size, 32);
  segment.writeBigUInt64LE(size, 40);
  segment.writeBigUInt64LE(0x1_0000n, 48); // alignment: the largest page of arm64
  return Buffer.concat([elf, segment, padded, ignore]);
}

const elfHeadBytes = 64;
const programHeadBytes = 56;
const headBytes = elfHeadBytes + programHeadBytes;
const baseAddress = 0x40_0000n;

const programs = {
  amd64: {
    machine: 62,
    // rt_sigaction(SIGCHLD, &ignore, NULL, 8); for (;;) pause();
    code: Buffer.from(
      "b80d000000bf11000000488d351700000031d241ba080000000f05" + "b8220000000f05ebf7",
      "hex",
    ),
  },
  arm64: {
    machine: 183,
    // rt_sigaction(SIGCHLD, &ignore, NULL, 8); for (;;) ppoll(NULL, 0, NULL, NULL);
    code: instructions(
      [0xd28010c8, 0xd2800220, 0x10000181, 0xd2800002, 0xd2800103, 0xd4000001],
      [0xd2800000, 0xd2800001, 0xd2800002, 0xd2800003, 0xd2800928, 0xd4000001, 0x17fffffa],
    ),
  },
};

function instructions(...parts: readonly (readonly number[])[]): Buffer {
  const words = parts.flat();
  const code = Buffer.alloc(4 * words.length);
  words.forEach((word, index) => code.writeUInt32LE(word, 4 * index));
  return code;
}
