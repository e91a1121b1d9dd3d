/** The registered algorithms: OCI image-spec `descriptor.md`, section Digests. */
export type DigestAlgorithm = "sha256" | "sha512";

const hexLengths: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha512: 128 };

export interface Digest {
  readonly algorithm: DigestAlgorithm;
  /** Lower case. */
  readonly hex: string;
}

/** Undefined for text that is no digest, and for algorithms that are not registered. */
export function parseDigest(text: string): Digest | undefined {
  const colon = text.indexOf(":");
  const algorithm = parseAlgorithm(text.slice(0, Math.max(colon, 0)));
  const hex = text.slice(colon + 1);
  if (algorithm === undefined || hex.length !== hexLengths[algorithm]) return undefined;
  return /^[0-9a-f]+$/.test(hex) ? { algorithm, hex } : undefined;
}

export function isDigest(text: string): boolean {
  return parseDigest(text) !== undefined;
}

export function parseAlgorithm(text: string): DigestAlgorithm | undefined {
  return text === "sha256" || text === "sha512" ? text : undefined;
}
