import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";

/** A certificate and its private key, both as PEM. */
export interface CertificatePair {
  readonly certificate: string;
  readonly key: string;
}

/**
 * Writes a file so that a crash at any moment leaves either the old content or the new one: a
 * temporary file beside it, fsync, rename, fsync of the folder.
 */
export async function writeFileAtomically(
  path: string,
  content: string,
  mode: number,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.new`;
  const file = await open(temporary, "w", mode);
  try {
    await file.chmod(mode);
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The text of a file; undefined when there is none. */
export async function readFileIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Reads `<path>.crt` and `<path>.key`; what is missing is undefined. */
export async function readPair(path: string): Promise<{
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}> {
  const [certificate, key] = await Promise.all([
    readFileIfPresent(`${path}.crt`),
    readFileIfPresent(`${path}.key`),
  ]);
  return { certificate, key };
}

/**
 * Writes the key first: a crash between the two leaves a key without its certificate, which the
 * next start replaces, and never a certificate whose key is lost.
 */
export async function writePair(path: string, pair: CertificatePair): Promise<void> {
  await writeFileAtomically(`${path}.key`, pair.key, 0o600);
  await writeFileAtomically(`${path}.crt`, pair.certificate, 0o644);
}
