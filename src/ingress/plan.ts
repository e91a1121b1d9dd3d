import type { Ingress, IngressBackend, IngressClass } from "#api/gen/types.ts";
import { isDeleting, joinKey, keyOf, namespaceOf } from "#client/object-key.ts";
import { resolveBackend } from "./backend.ts";
import {
  unavailable,
  type BackendPlan,
  type CertificatePlan,
  type IngressInput,
  type IngressPlan,
  type Problem,
  type ProblemReason,
  type Target,
} from "./model.ts";
import { readSettings, type IngressSettings } from "./settings.ts";

/** What an IngressClass names as its controller when Gantry serves it. */
export const controllerName = "gantry.dev/ingress";
/** The class of that controller which every cluster has. */
export const className = "gantry";
const classAnnotation = "kubernetes.io/ingress.class";

/**
 * Whether Gantry serves an Ingress: by its class, or by the annotation that came before classes.
 */
export function isServed(ingress: Ingress, classes: readonly IngressClass[]): boolean {
  if (isDeleting(ingress)) return false;
  const name = ingress.spec?.ingressClassName;
  if (name === undefined) return ingress.metadata?.annotations?.[classAnnotation] === className;
  const found = classes.find((it) => it.metadata?.name === name);
  return found?.spec?.controller === controllerName;
}

/** Keys of the Secrets that the Ingresses name for TLS, each once. */
export function secretsOf(ingresses: readonly Ingress[]): Set<string> {
  const keys = new Set<string>();
  for (const ingress of ingresses) {
    for (const { secretName = "" } of ingress.spec?.tls ?? []) {
      if (secretName !== "") keys.add(joinKey(namespaceOf(ingress), secretName));
    }
  }
  return keys;
}

/**
 * What the proxies do for the Ingresses of our class. Of two that claim the same host and path, or
 * certificates for the same host, the older one has it.
 */
export function planIngress(input: IngressInput): IngressPlan {
  const served = input.ingresses
    .filter((it) => isServed(it, input.classes))
    .toSorted((a, b) => (ageKey(a) < ageKey(b) ? -1 : 1));
  const planner = new Planner(input);
  for (const ingress of served) planner.add(ingress);
  return planner.finish(served);
}

function ageKey(ingress: Ingress): string {
  return `${ingress.metadata?.creationTimestamp ?? ""} ${keyOf(ingress)}`;
}

interface Owned extends Target {
  readonly owner: Ingress;
}

class Planner {
  readonly #input: IngressInput;
  readonly #exact = new Map<string, Owned>();
  readonly #prefix = new Map<string, Owned>();
  readonly #fallback = new Map<string, Owned>();
  readonly #backends = new Map<string, BackendPlan>();
  readonly #certificates: CertificatePlan[] = [];
  readonly #securedHosts = new Map<string, Ingress>();
  /** By what makes them differ. */
  readonly #problems = new Map<string, Problem>();
  #defaultCertificate: string | undefined;

  constructor(input: IngressInput) {
    this.#input = input;
  }

  add(ingress: Ingress): void {
    const { settings, faults } = readSettings(ingress.metadata?.annotations ?? {});
    for (const it of faults) this.#problem(ingress, "InvalidAnnotation", it);
    const secured = this.#addCertificates(ingress);
    const target = (backend: IngressBackend, host: string): Owned => ({
      backend: this.#backend(ingress, backend, settings),
      redirect: settings.redirect && covers(secured, host),
      owner: ingress,
    });
    const fallback = ingress.spec?.defaultBackend;
    for (const { host = "", http } of ingress.spec?.rules ?? []) {
      for (const { path = "", pathType, backend } of http?.paths ?? []) {
        this.#addPath({ host, path, pathType }, target(backend, host));
      }
      if (fallback !== undefined) this.#addFallback(host, http, target(fallback, host));
    }
  }

  finish(served: readonly Ingress[]): IngressPlan {
    const last = this.#last(served);
    return {
      served,
      routes: { exact: this.#exact, prefix: this.#prefix, fallback: this.#fallback, last },
      backends: this.#backends,
      certificates: this.#certificates,
      defaultCertificate: this.#defaultCertificate,
      problems: [...this.#problems.values()],
    };
  }

  /** The default backend of the cluster: of the oldest Ingress without rules, else of the oldest. */
  #last(served: readonly Ingress[]): Target | undefined {
    const having = served.filter((it) => it.spec?.defaultBackend !== undefined);
    const bare = having.filter((it) => (it.spec?.rules ?? []).length === 0);
    const first = bare[0] ?? having[0];
    const backend = first?.spec?.defaultBackend;
    if (first === undefined || backend === undefined) return undefined;
    for (const it of bare.slice(1)) {
      const message = `the default backend is that of ${keyOf(first)}, which is older`;
      this.#problem(it, "RuleTaken", message);
    }
    const { settings } = readSettings(first.metadata?.annotations ?? {});
    return { backend: this.#backend(first, backend, settings), redirect: false };
  }

  #addPath(
    rule: { readonly host: string; readonly path: string; readonly pathType: string },
    to: Owned,
  ): void {
    const { host, path, pathType } = rule;
    // Such characters end a line, or an entry, of what the proxy reads.
    if (/[\s\p{Cc}]/u.test(path)) {
      const message = `path ${JSON.stringify(path)} has white space`;
      this.#problem(to.owner, "InvalidPath", message);
      return;
    }
    if (pathType === "Exact") this.#claim(this.#exact, `${host}${path}`, to);
    else this.#claim(this.#prefix, `${host}${path.replace(/\/+$/, "")}/`, to);
  }

  #addFallback(host: string, http: unknown, to: Owned): void {
    // A rule without paths is for all paths of its host.
    if (http === undefined) this.#claim(this.#prefix, `${host}/`, to);
    else if (host !== "" && !this.#fallback.has(host)) this.#fallback.set(host, to);
  }

  #claim(table: Map<string, Owned>, key: string, to: Owned): void {
    const holder = table.get(key);
    if (holder === undefined) {
      table.set(key, to);
      return;
    }
    const kind = table === this.#exact ? "path" : "prefix";
    const message = `${kind} ${key} is served for ${keyOf(holder.owner)}, which is older`;
    this.#problem(to.owner, "RuleTaken", message);
  }

  #backend(ingress: Ingress, backend: IngressBackend, settings: IngressSettings): string {
    const resolved = resolveBackend(ingress, backend, settings, this.#input);
    if (resolved.kind === "fault") {
      this.#problem(ingress, resolved.reason, resolved.message);
      return unavailable;
    }
    this.#backends.set(resolved.id, resolved.plan);
    return resolved.id;
  }

  /** The hosts of the Ingress that clients reach by HTTPS with a certificate of theirs. */
  #addCertificates(ingress: Ingress): Set<string> {
    const secured = new Set<string>();
    const ruleHosts = (ingress.spec?.rules ?? []).flatMap((it) => it.host ?? []);
    for (const { hosts = [], secretName = "" } of ingress.spec?.tls ?? []) {
      // Without a Secret the certificate is the default one, which nobody is sent to.
      const pem = secretName === "" ? undefined : this.#certificate(ingress, secretName);
      if (pem === undefined) continue;
      const all = hosts.length > 0 ? hosts : ruleHosts;
      if (all.length === 0) this.#defaultCertificate ??= pem;
      const free = [...new Set(all)].filter((it) => this.#secure(ingress, it, secretName));
      if (free.length > 0) this.#certificates.push({ pem, hosts: free });
      for (const it of all) secured.add(it);
    }
    return secured;
  }

  /** Whether the certificate is to be served for the host. */
  #secure(ingress: Ingress, host: string, secretName: string): boolean {
    const holder = this.#securedHosts.get(host);
    if (holder === undefined) {
      this.#securedHosts.set(host, ingress);
      return true;
    }
    const isSame =
      namespaceOf(holder) === namespaceOf(ingress) &&
      holder.spec?.tls?.some((it) => it.secretName === secretName) === true;
    if (!isSame) {
      const message = `TLS host ${host} has its certificate from ${keyOf(holder)}, which is older`;
      this.#problem(ingress, "RuleTaken", message);
    }
    return false;
  }

  #certificate(ingress: Ingress, secretName: string): string | undefined {
    const key = joinKey(namespaceOf(ingress), secretName);
    const state = this.#input.certificate(key);
    if (state.kind === "valid") return state.pem;
    if (state.kind === "missing") {
      this.#problem(ingress, "SecretNotFound", `secret ${key} does not exist`);
    } else {
      this.#problem(ingress, "InvalidCertificate", `secret ${key}: ${state.fault}`);
    }
    return undefined;
  }

  #problem(ingress: Ingress, reason: ProblemReason, message: string): void {
    const key = [keyOf(ingress), reason, message].join(" ");
    if (!this.#problems.has(key)) this.#problems.set(key, { ingress, reason, message });
  }
}

/** Whether one of the names, exact or with a wildcard for one label, is the host's. */
function covers(names: ReadonlySet<string>, host: string): boolean {
  return names.has(host) || names.has(host.replace(/^[^.]*/, "*"));
}
