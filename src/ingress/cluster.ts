import type { EndpointSlice, Ingress, IngressClass, Service } from "#api/gen/types.ts";
import type { Informer } from "#client/informer.ts";
import type { Informers } from "#client/informers.ts";
import { endpointSlices, ingressClasses, ingresses, services } from "#client/kinds.ts";
import { joinKey, namespaceOf } from "#client/object-key.ts";
import type { IngressPlan } from "./model.ts";
import { isServed, planIngress, secretsOf } from "./plan.ts";
import { SecretWatches, type SecretWatchesOptions } from "./secret-watches.ts";

export interface IngressClusterOptions extends SecretWatchesOptions {
  readonly informers: Informers;
}

const serviceNameLabel = "kubernetes.io/service-name";
const byService = "service";

/** The objects that a plan is made of, kept current, and heard of when one that counts changes. */
export class IngressCluster implements AsyncDisposable {
  readonly #informers: Informers;
  readonly #onChange: () => void;
  readonly #secrets: SecretWatches;
  readonly #stack = new AsyncDisposableStack();
  readonly #ingresses: Informer<Ingress>;
  readonly #classes: Informer<IngressClass>;
  #behind: Behind | undefined;
  /** Services that the last plan asked for, there or not. */
  #asked = new Set<string>();

  /** @param onChange hears, synchronously, when a plan may have become another. */
  constructor(options: IngressClusterOptions, onChange: () => void) {
    this.#informers = options.informers;
    this.#onChange = onChange;
    this.#secrets = this.#stack.use(new SecretWatches(options, onChange));
    this.#ingresses = this.#informers.of(ingresses);
    this.#classes = this.#informers.of(ingressClasses);
    this.#stack.defer(this.#ingresses.subscribe(onChange));
    this.#stack.defer(this.#classes.subscribe(onChange));
  }

  /** The plan as of now. Waits for the objects at first, and a moment for Secrets new to it. */
  async plan(signal: AbortSignal): Promise<IngressPlan> {
    await Promise.all([this.#ingresses.synced(signal), this.#classes.synced(signal)]);
    const classes = this.#classes.list();
    const served = this.#ingresses.list().filter((it) => isServed(it, classes));
    await this.#secrets.want(secretsOf(served), signal);
    // A cluster without Ingresses does not pay for copies of all its services.
    const behind = served.length === 0 ? undefined : (this.#behind ??= this.#watchBehind());
    if (behind !== undefined) {
      await Promise.all([behind.services.synced(signal), behind.slices.synced(signal)]);
    }
    this.#asked = new Set();
    return planIngress({
      ingresses: served,
      classes,
      service: (key) => {
        this.#asked.add(key);
        return behind?.services.get(key);
      },
      slices: (key) => behind?.slices.byIndex(byService, key) ?? [],
      certificate: (key) => this.#secrets.get(key),
    });
  }

  /** Every service; none before the first plan that has an Ingress. */
  services(): readonly Service[] {
    return this.#behind?.services.list() ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }

  #watchBehind(): Behind {
    const behind = {
      services: this.#informers.of(services),
      slices: this.#informers.of(endpointSlices),
    };
    behind.slices.addIndex(byService, (it) => [ownerOf(it)]);
    this.#stack.defer(
      behind.services.subscribe(({ key, previous, current }) => {
        const balances = [previous, current].some((it) => it?.spec?.type === "LoadBalancer");
        if (balances || this.#asked.has(key)) this.#onChange();
      }),
    );
    this.#stack.defer(
      behind.slices.subscribe(({ previous, current }) => {
        const owners = [previous, current].flatMap((it) => (it === undefined ? [] : ownerOf(it)));
        if (owners.some((it) => this.#asked.has(it))) this.#onChange();
      }),
    );
    return behind;
  }
}

interface Behind {
  readonly services: Informer<Service>;
  readonly slices: Informer<EndpointSlice>;
}

function ownerOf(slice: EndpointSlice): string {
  return joinKey(namespaceOf(slice), slice.metadata?.labels?.[serviceNameLabel] ?? "");
}
