import type { Resource } from "#api/resource.ts";
import type { Strategy } from "#api/strategy.ts";
import { compose } from "./compose.ts";
import { podRules } from "./pod/rules.ts";

type Make = (resource: Resource) => Strategy;

/** Keys are `<group or "core">/<version>/<plural>`. */
const makers: Readonly<Record<string, Make>> = {
  "core/v1/pods": (it) => compose(it, podRules),
};

const strategies = new Map<Resource, Strategy>();

/**
 * The strategy of a kind: its own, or the composed default for kinds without rules (columns Name
 * and Age, status apart from spec). The same object for the same resource.
 */
export function strategyOf(resource: Resource): Strategy {
  const known = strategies.get(resource);
  if (known !== undefined) return known;
  const group = resource.group === "" ? "core" : resource.group;
  const make = makers[`${group}/${resource.version}/${resource.plural}`];
  const made = make?.(resource) ?? compose(resource, { generation: true });
  strategies.set(resource, made);
  return made;
}
