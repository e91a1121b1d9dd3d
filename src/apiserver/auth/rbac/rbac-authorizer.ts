import type {
  Attributes,
  Authorizer,
  Decision,
  ObjectSource,
  UserInfo,
} from "#apiserver/contract.ts";
import { BoundedMap } from "#apiserver/auth/bounded-map.ts";
import { Bindings } from "./bindings.ts";
import { ruleMatches, type PolicyRule } from "./rules.ts";

/** Kept decisions of one user. */
const decisionsMax = 1_000;

/** What the rules say to a question, for all names at once. */
interface Verdict {
  /** Set when every name is allowed. */
  readonly everything: Decision | undefined;
  readonly byName: ReadonlyMap<string, Decision>;
  readonly otherwise: Decision;
}

/**
 * Role-based access control. Decisions are kept for each user object until a role or binding
 * changes, so authentication should hand out the same `UserInfo` for the same user.
 * Upstream: `plugin/pkg/auth/authorizer/rbac`.
 */
export class RbacAuthorizer implements Authorizer {
  readonly bindings: Bindings;
  #verdicts = new WeakMap<UserInfo, BoundedMap<string, Verdict>>();
  #generation = 0;

  constructor(objects: ObjectSource) {
    this.bindings = new Bindings(objects);
  }

  authorize(attributes: Attributes): Decision {
    const verdict = this.#verdict(attributes);
    return verdict.everything ?? verdict.byName.get(attributes.name) ?? verdict.otherwise;
  }

  /** Every rule that applies to a user, and the roles that could not be found. */
  rulesFor(
    user: UserInfo,
    namespace: string,
  ): { readonly rules: readonly PolicyRule[]; readonly faults: readonly string[] } {
    const grants = this.bindings.grants(user, namespace);
    return {
      rules: grants.flatMap((it) => it.rules),
      faults: grants.map((it) => it.fault).filter((it) => it !== undefined),
    };
  }

  #verdict(attributes: Attributes): Verdict {
    if (this.#generation !== this.bindings.generation) {
      this.#verdicts = new WeakMap();
      this.#generation = this.bindings.generation;
    }
    let known = this.#verdicts.get(attributes.user);
    if (known === undefined) {
      known = new BoundedMap(decisionsMax);
      this.#verdicts.set(attributes.user, known);
    }
    const key = questionOf(attributes);
    let verdict = known.get(key);
    if (verdict === undefined) {
      verdict = this.#decide(attributes);
      known.set(key, verdict);
    }
    return verdict;
  }

  #decide(attributes: Attributes): Verdict {
    const byName = new Map<string, Decision>();
    const faults: string[] = [];
    for (const grant of this.bindings.grants(attributes.user, attributes.namespace)) {
      if (grant.fault !== undefined) faults.push(grant.fault);
      const allow = { allowed: true, reason: `RBAC: allowed by ${grant.source}` };
      for (const rule of grant.rules) {
        if (!ruleMatches(rule, attributes)) continue;
        if (rule.resourceNames.length === 0 || attributes.resource === "") {
          return { everything: allow, byName, otherwise: allow };
        }
        for (const name of rule.resourceNames) if (!byName.has(name)) byName.set(name, allow);
      }
    }
    return { everything: undefined, byName, otherwise: { allowed: false, reason: say(faults) } };
  }
}

function questionOf(it: Attributes): string {
  if (it.resource === "") return `${it.verb} ${it.path}`;
  return `${it.verb} ${it.group}/${it.resource}/${it.subresource}@${it.namespace}`;
}

function say(faults: readonly string[]): string {
  const unique = [...new Set(faults)];
  if (unique.length === 0) return "";
  return unique.length === 1 ? `RBAC: ${unique.join("")}` : `RBAC: [${unique.join(", ")}]`;
}
