import { builtinResources } from "#api/kinds/list.ts";
import type { Resource } from "#api/resource.ts";

/** The resource that a user names: plural, singular, short name or kind, `deployments.apps` too. */
export function resourceNamed(text: string): Resource {
  const wanted = text.toLowerCase();
  const found = builtinResources.find((it) => namesOf(it).includes(wanted));
  if (found === undefined) {
    throw new Error(`the server doesn't have a resource type "${text}"`);
  }
  return found;
}

function namesOf({ plural, singular, shortNames, kind, group }: Resource): string[] {
  const names = [plural, singular, kind.toLowerCase(), ...shortNames];
  return group === "" ? names : [...names, `${plural}.${group}`, `${singular}.${group}`];
}

/** `all`: what has the category. Otherwise a list with commas. */
export function resourcesNamed(text: string): Resource[] {
  if (text === "all") return builtinResources.filter((it) => it.categories.includes("all"));
  return text.split(",").map(resourceNamed);
}

export interface NamedObject {
  readonly resource: Resource;
  readonly name: string;
}

/** `deploy/web pod/x`, or `pods a b`. @throws {Error} when a name lacks. */
export function objectsNamed(words: readonly string[]): NamedObject[] {
  const [first = "", ...rest] = words;
  if (first.includes("/")) {
    return words.map((word) => {
      const [type = "", name = ""] = word.split("/");
      return { resource: resourceNamed(type), name };
    });
  }
  const resource = resourceNamed(first);
  if (rest.length === 0) throw new Error(`which ${resource.plural}? name them: ${first} NAME`);
  return rest.map((name) => ({ resource, name }));
}

/** `deployment.apps/web`, as messages name objects. */
export function fullName(resource: Resource, name: string): string {
  const group = resource.group === "" ? "" : `.${resource.group}`;
  return `${resource.singular}${group}/${name}`;
}

/** The resource of an object in a manifest. @throws {Error} naming what it says. */
export function resourceOfObject(apiVersion: string, kind: string): Resource {
  const found = builtinResources.find((it) => {
    const version = it.group === "" ? it.version : `${it.group}/${it.version}`;
    return version === apiVersion && it.kind === kind;
  });
  if (found === undefined)
    throw new Error(`no matches for kind "${kind}" in version "${apiVersion}"`);
  return found;
}
