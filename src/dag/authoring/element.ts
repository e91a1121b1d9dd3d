import type { Json } from "#api/object.ts";
import type { ElementReference } from "#dag/model/model.ts";

declare const valueType: unique symbol;

/**
 * Stands for an argument of a group's repetition, while the DAG is being written: it is passed to the
 * group's tasks, which get the value.
 */
export class Element<T> {
  declare readonly [valueType]: T;
  readonly #of: ElementReference | { readonly value: unknown };

  /** @param of what it stands for: an argument, or a value that is known. */
  constructor(of: ElementReference | { readonly value: unknown }) {
    this.#of = of;
  }

  /** A part of it. */
  get<K extends keyof T & (string | number)>(name: K): Element<T[K]> {
    if ("path" in this.#of) {
      return new Element<T[K]>({ ...this.#of, path: [...this.#of.path, name] });
    }
    const { value } = this.#of;
    const part: unknown =
      typeof value === "object" && value !== null ? Reflect.get(value, name) : null;
    return new Element<T[K]>({ value: part ?? null });
  }

  toJSON(): Json {
    if ("path" in this.#of) return { $element: { name: this.#of.name, path: [...this.#of.path] } };
    // What is in it may stand for something else in turn.
    return JSON.parse(JSON.stringify(this.#of.value ?? null)) as Json;
  }
}
