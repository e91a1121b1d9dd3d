import { createHash } from "node:crypto";

const labelLengthMax = 63;
const nameLengthMax = 63;
/** Characters of the hash that keeps shortened labels apart. */
const hashLength = 9;
/** Characters of the part that keeps names of pods apart. */
const uniqueLength = 8;

/**
 * A label's value that stands for `text`: the text itself where that may be, else what is left of it
 * with a hash, as Airflow makes them, so that equal texts have equal labels.
 */
export function safeLabel(text: string): string {
  const kept = text
    .replaceAll(/[^a-zA-Z0-9_.-]/g, "")
    .replace(/^[^a-zA-Z0-9]+/, "")
    .replace(/[^a-zA-Z0-9]+$/, "");
  if (kept === text && kept.length <= labelLengthMax) return kept;
  const hash = createHash("md5").update(text).digest("hex").slice(0, hashLength);
  const start = kept.slice(0, labelLengthMax - hashLength - 1).replace(/[^a-zA-Z0-9]+$/, "");
  return start === "" ? hash : `${start}-${hash}`;
}

/** A pod's name that people recognise, unique by `seed`: the same for the same seed. */
export function podName(words: string, seed: string): string {
  const unique = createHash("sha256").update(seed).digest("hex").slice(0, uniqueLength);
  const slug = dnsLabel(words).slice(0, nameLengthMax - uniqueLength - 1);
  const start = slug.replace(/-+$/, "");
  return start === "" ? `task-${unique}` : `${start}-${unique}`;
}

/** What is left of a text as a name of RFC 1123; may be empty. */
export function dnsLabel(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replace(/^-+/, "")
    .slice(0, nameLengthMax)
    .replace(/-+$/, "");
}
