import type { KubernetesObject } from "#api/object.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Client } from "./client.ts";
import { Informer, type InformerOptions } from "./informer.ts";
import type { ResourceOf } from "./resource-of.ts";

export interface InformersOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** See {@link InformerOptions.freeze}. */
  readonly freeze?: boolean | undefined;
  readonly watchList?: boolean | undefined;
}

type Selected<T> = Pick<
  InformerOptions<T>,
  "namespace" | "fieldSelector" | "labelSelector" | "metadataOnly" | "project"
>;

/**
 * The informers of one process: whoever asks for the same selection of a kind gets the same one.
 * An informer starts when it is first asked for, and stops when this is disposed.
 */
export class Informers implements AsyncDisposable {
  readonly #options: InformersOptions;
  readonly #tasks: TaskGroup;
  readonly #shared = new Map<string, unknown>();

  constructor(options: InformersOptions) {
    this.#options = options;
    this.#tasks = new TaskGroup((error) => {
      const cause = error instanceof Error ? error : new Error(String(error));
      options.log.error("informer stopped", { error: cause });
    });
  }

  /**
   * The shared informer. An informer with a `project` of its own is shared only among those who
   * name it alike: pass `name` with it.
   */
  of<T extends KubernetesObject>(
    resource: ResourceOf<T>,
    selected: Selected<T> & { readonly name?: string } = {},
  ): Informer<T> {
    const { name = "", namespace = "", fieldSelector = "", labelSelector = "" } = selected;
    const identity = [resource.group, resource.version, resource.plural, namespace, fieldSelector];
    identity.push(labelSelector, name, selected.metadataOnly === true ? "metadata" : "");
    const id = JSON.stringify(identity);
    const shared = this.#shared.get(id);
    // The identity names the resource, and a resource has one type of objects.
    if (shared !== undefined) return shared as Informer<T>;
    const informer = new Informer<T>({ ...this.#options, ...selected, resource });
    this.#shared.set(id, informer);
    this.#tasks.start((signal) => informer.run(signal));
    return informer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]();
    this.#shared.clear();
  }
}
