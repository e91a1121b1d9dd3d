/** The name of this machine's processor in image configs. @throws {Error} for others. */
export function imageArchitecture(arch: string): "amd64" | "arm64" {
  if (arch === "x64") return "amd64";
  if (arch === "arm64") return "arm64";
  throw new Error(`containers run on x64 and arm64; this machine is ${arch}`);
}
