import type { PodTemplateSpec } from "#api/gen/types.ts";

export const hashLabel = "pod-template-hash";

/** Upstream's alphabet for generated names: no vowels, and nothing that looks like another. */
const alphabet = "bcdfghjklmnpqrstvwxz2456789";

/**
 * A short name for a template, the same for equal templates in every process and release: it is
 * part of the names of ReplicaSets. `collisions` gives another name after two templates met.
 */
export function templateHash(template: PodTemplateSpec, collisions: number): string {
  const text = `${canonicalTemplate(template)}#${collisions}`;
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  // FNV-1a leaves the last characters weakly mixed.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = (hash ^ (hash >>> 13)) >>> 0;
  return hash.toString(10).replaceAll(/./g, (digit) => alphabet.charAt(Number(digit)));
}

/** The template as text: fields in order, without the hash label. Equal templates, equal text. */
export function canonicalTemplate(template: PodTemplateSpec): string {
  const { labels, ...metadata } = template.metadata ?? {};
  const others = Object.entries(labels ?? {}).filter(([key]) => key !== hashLabel);
  return canonicalJson({
    metadata: { ...metadata, labels: Object.fromEntries(others) },
    spec: template.spec,
  });
}

/** Without undefined, null and empty objects and lists, which mean the same as absence. */
function canonicalJson(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const fields = Object.entries(value)
    .filter(([, it]) => !isAbsent(it))
    .map(([key, it]) => `${JSON.stringify(key)}:${canonicalJson(it)}`);
  return `{${fields.sort().join(",")}}`;
}

function isAbsent(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  // An empty emptyDir is not the same as none: only lists and metadata maps are dropped.
  return Array.isArray(value) && value.length === 0;
}
