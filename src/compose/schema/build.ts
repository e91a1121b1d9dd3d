import { hosts, pairs, textOrNumber, texts, ulimits } from "./common.ts";
import { either, flag, list, object, size, text, type Shape } from "./shape.ts";

const secret = object(
  { source: text, target: text, uid: text, gid: text, mode: textOrNumber },
  "source",
);

/** Compose specification, "Compose Build Specification". */
export const buildShape: Shape = either(
  text,
  object({
    additional_contexts: pairs,
    args: pairs,
    cache_from: texts,
    cache_to: texts,
    context: text,
    dockerfile: text,
    dockerfile_inline: text,
    entitlements: texts,
    extra_hosts: hosts,
    isolation: text,
    labels: pairs,
    network: text,
    no_cache: flag,
    no_cache_filter: either(text, texts),
    platforms: texts,
    privileged: flag,
    provenance: either(text, flag),
    pull: flag,
    sbom: either(text, flag),
    secrets: list(either(text, secret)),
    shm_size: size,
    ssh: pairs,
    tags: texts,
    target: text,
    ulimits,
  }),
);
