import { FieldPath, invalid, notSupported, required, type FieldError } from "#api/field.ts";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { parseYaml } from "#api/yaml.ts";
import {
  levels,
  stages,
  type GroupResources,
  type Level,
  type Policy,
  type PolicyRule,
  type Stage,
} from "./policy.ts";

const version = "audit.k8s.io/v1";
const groupPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/**
 * Reads an audit policy, YAML or JSON. Upstream: apiserver `pkg/audit/policy/reader.go` and
 * `pkg/apis/audit/validation`; fields that are not known are refused here.
 * @throws {Error} naming every field that is wrong.
 */
export function readPolicy(text: string): Policy {
  const { documents } = parseYaml(text);
  const document = documents[0]?.value;
  if (documents.length !== 1 || !isJsonObject(document)) throw new Error("expected one Policy");
  if (document["apiVersion"] !== version || document["kind"] !== "Policy") {
    throw new Error(`expected apiVersion ${version} and kind Policy`);
  }
  const faults: FieldError[] = [];
  const reader = new Reader(document, new FieldPath(""), faults);
  reader.skip("apiVersion", "kind", "metadata");
  const policy = {
    rules: reader.objects("rules").map(ruleOf),
    omitStages: stagesOf(reader),
    omitManagedFields: reader.flag("omitManagedFields") ?? false,
  };
  reader.end();
  if (faults.length > 0) {
    throw new Error(faults.map((it) => `${it.field}: ${it.message}`).join("; "));
  }
  if (policy.rules.length === 0) throw new Error("rules: expected at least one");
  return policy;
}

function ruleOf(reader: Reader): PolicyRule {
  const rule = {
    level: levelOf(reader),
    users: reader.texts("users"),
    userGroups: reader.texts("userGroups"),
    verbs: reader.texts("verbs"),
    resources: reader.objects("resources").map(resourcesOf),
    namespaces: reader.texts("namespaces"),
    nonResourceURLs: urlsOf(reader),
    omitStages: stagesOf(reader),
    omitManagedFields: reader.flag("omitManagedFields"),
  };
  const { nonResourceURLs: urls, resources, namespaces } = rule;
  if (urls.length > 0 && (resources.length > 0 || namespaces.length > 0)) {
    const detail = "rules cannot apply to both regular resources and non-resource URLs";
    reader.faults.push(invalid(reader.at("nonResourceURLs"), urls, detail));
  }
  reader.end();
  return rule;
}

function resourcesOf(reader: Reader): GroupResources {
  const found = {
    group: reader.text("group") ?? "",
    resources: reader.texts("resources"),
    resourceNames: reader.texts("resourceNames"),
  };
  const { group, resources, resourceNames } = found;
  if (group !== "" && group !== "*" && !groupPattern.test(group)) {
    const detail = "expected the name of an API group without its version";
    reader.faults.push(invalid(reader.at("group"), group, detail));
  }
  if (resourceNames.length > 0 && resources.length === 0) {
    const detail = "using resourceNames requires at least one resource";
    reader.faults.push(invalid(reader.at("resourceNames"), resourceNames, detail));
  }
  reader.end();
  return found;
}

function levelOf(reader: Reader): Level {
  const text = reader.text("level") ?? "";
  const level = levels.find((it) => it === text);
  if (level !== undefined) return level;
  const at = reader.at("level");
  reader.faults.push(text === "" ? required(at) : notSupported(at, text, levels));
  return "None";
}

function stagesOf(reader: Reader): Stage[] {
  return reader.texts("omitStages").flatMap((text, i) => {
    const stage = stages.find((it) => it === text);
    if (stage !== undefined) return [stage];
    const detail = `allowed stages are ${stages.join(",")}`;
    reader.faults.push(invalid(reader.at("omitStages").index(i), text, detail));
    return [];
  });
}

function urlsOf(reader: Reader): readonly string[] {
  const urls = reader.texts("nonResourceURLs");
  for (const [i, url] of urls.entries()) {
    const at = reader.at("nonResourceURLs").index(i);
    if (url === "*") continue;
    if (!url.startsWith("/")) {
      const detail = "non-resource URL rules must begin with a '/' character";
      reader.faults.push(invalid(at, url, detail));
    }
    if (url.slice(0, -1).includes("*")) {
      const detail = "non-resource URL wildcards '*' must be the final character of the rule";
      reader.faults.push(invalid(at, url, detail));
    }
  }
  return urls;
}

/** Takes fields out of an object, and knows which nobody asked for. */
class Reader {
  readonly faults: FieldError[];
  readonly #path: FieldPath;
  readonly #rest: Map<string, Json | undefined>;

  constructor(object: JsonObject, path: FieldPath, faults: FieldError[]) {
    this.#rest = new Map(Object.entries(object));
    this.#path = path;
    this.faults = faults;
  }

  at(name: string): FieldPath {
    return this.#path.child(name);
  }

  skip(...names: readonly string[]): void {
    for (const name of names) this.#rest.delete(name);
  }

  text(name: string): string | undefined {
    return this.#take(name, "a text", (it) => typeof it === "string");
  }

  flag(name: string): boolean | undefined {
    return this.#take(name, "true or false", (it) => typeof it === "boolean");
  }

  texts(name: string): readonly string[] {
    return this.#list(name, "a list of texts", (it) => typeof it === "string");
  }

  objects(name: string): Reader[] {
    return this.#list(name, "a list of objects", isJsonObject).map(
      (it, i) => new Reader(it, this.at(name).index(i), this.faults),
    );
  }

  /** What is left was meant to say something, and would say nothing. */
  end(): void {
    for (const name of this.#rest.keys()) {
      this.faults.push(invalid(this.at(name), this.#rest.get(name), "no such field"));
    }
  }

  #list<T extends Json>(name: string, what: string, is: (it: Json) => it is T): readonly T[] {
    const isList = (it: Json): it is T[] => Array.isArray(it) && it.every(is);
    return this.#take(name, what, isList) ?? [];
  }

  #take<T extends Json>(name: string, what: string, is: (it: Json) => it is T): T | undefined {
    const value = this.#rest.get(name);
    this.#rest.delete(name);
    if (value === undefined || value === null) return undefined;
    if (is(value)) return value;
    this.faults.push(invalid(this.at(name), value, `expected ${what}`));
    return undefined;
  }
}
