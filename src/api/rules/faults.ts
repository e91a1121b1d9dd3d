import * as field from "#api/field.ts";
import { FieldPath, type FieldError } from "#api/field.ts";

/**
 * Collects the faults of one object. A validator says where it is with `enter` and `leave`, which
 * only push and pop; the path is written out when a fault is found, so a good object costs no
 * strings. `name` in the methods below is a field of the current place, empty for the place itself.
 */
export class Faults {
  readonly errors: FieldError[] = [];
  readonly #names: string[] = [];
  readonly #indices: number[] = [];

  /** Goes into a field, or into item `index` of a list. Each call needs its `leave`. */
  enter(name: string, index = -1): void {
    this.#names.push(name);
    this.#indices.push(index);
  }

  leave(): void {
    this.#names.pop();
    this.#indices.pop();
  }

  required(name: string, detail = ""): void {
    this.errors.push(field.required(this.path(name), detail));
  }

  invalid(name: string, value: unknown, detail: string): void {
    this.errors.push(field.invalid(this.path(name), value, detail));
  }

  /** One `invalid` per message, none for an empty list. */
  invalidAll(name: string, value: unknown, messages: readonly string[]): void {
    for (const message of messages) this.invalid(name, value, message);
  }

  notSupported(name: string, value: unknown, supported: readonly string[]): void {
    this.errors.push(field.notSupported(this.path(name), value, supported));
  }

  duplicate(name: string, value: unknown): void {
    this.errors.push(field.duplicate(this.path(name), value));
  }

  forbidden(name: string, detail: string): void {
    this.errors.push(field.forbiddenField(this.path(name), detail));
  }

  notFound(name: string, value: unknown): void {
    this.errors.push(field.notFoundField(this.path(name), value));
  }

  tooLong(name: string, maxBytes: number): void {
    this.errors.push(field.tooLong(this.path(name), maxBytes));
  }

  tooMany(name: string, count: number, max: number): void {
    this.errors.push(field.tooMany(this.path(name), count, max));
  }

  /** Zero and more; an absent value is fine. */
  nonNegative(name: string, value: number | undefined): void {
    if (value !== undefined && value < 0) {
      this.invalid(name, value, "must be greater than or equal to 0");
    }
  }

  /** Must be one of `supported`; absent and empty are `required`. */
  oneOf(name: string, value: string | undefined, supported: readonly string[]): void {
    if (value === undefined || value === "") this.required(name);
    else if (!supported.includes(value)) this.notSupported(name, value, supported);
  }

  /** One of `supported` where it is there at all. */
  optionalOneOf(name: string, value: string | undefined, supported: readonly string[]): void {
    if (value !== undefined && !supported.includes(value)) {
      this.notSupported(name, value, supported);
    }
  }

  /** Where we are, and the field below it; see the class. */
  path(name: string): FieldPath {
    let text = "";
    for (const [i, step] of this.#names.entries()) {
      const index = this.#indices[i] ?? -1;
      text = join(text, step) + (index < 0 ? "" : `[${index}]`);
    }
    return new FieldPath(join(text, name));
  }
}

// A step that starts with a bracket is a key or an index, and takes no dot.
function join(path: string, step: string): string {
  if (step === "" || path === "" || step.startsWith("[")) return path + step;
  return `${path}.${step}`;
}
