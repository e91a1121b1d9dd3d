/** One validation failure, as Kubernetes reports it in `Status.details.causes`. */
export interface FieldError {
  readonly reason: FieldErrorReason;
  /** JSONPath-like path, e.g. `spec.containers[0].name`. */
  readonly field: string;
  readonly message: string;
}

/** apimachinery `pkg/util/validation/field/errors.go`, as `CauseType`s. */
export type FieldErrorReason =
  | "FieldValueRequired"
  | "FieldValueInvalid"
  | "FieldValueNotSupported"
  | "FieldValueDuplicate"
  | "FieldValueForbidden"
  | "FieldValueNotFound"
  | "FieldValueTooLong"
  | "FieldValueTooMany"
  | "FieldValueTypeInvalid"
  | "InternalError";

/** An immutable path into an object; `child`, `index` and `key` return longer paths. */
export class FieldPath {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  child(...names: string[]): FieldPath {
    const tail = names.join(".");
    return new FieldPath(this.#path === "" ? tail : `${this.#path}.${tail}`);
  }

  index(i: number): FieldPath {
    return new FieldPath(`${this.#path}[${i}]`);
  }

  /** A key of a map: `metadata.labels[app]`. */
  key(name: string): FieldPath {
    return new FieldPath(`${this.#path}[${name}]`);
  }

  toString(): string {
    return this.#path;
  }
}

export function required(path: FieldPath, detail = ""): FieldError {
  const message = detail === "" ? "Required value" : `Required value: ${detail}`;
  return { reason: "FieldValueRequired", field: path.toString(), message };
}

export function invalid(path: FieldPath, value: unknown, detail: string): FieldError {
  const message = `Invalid value: ${show(value)}: ${detail}`;
  return { reason: "FieldValueInvalid", field: path.toString(), message };
}

/** `supported` in the order in which the message lists them; most callers sort. */
export function notSupported(
  path: FieldPath,
  value: unknown,
  supported: readonly string[],
): FieldError {
  const list = supported.map((it) => JSON.stringify(it)).join(", ");
  const message = `Unsupported value: ${show(value)}: supported values: ${list}`;
  return { reason: "FieldValueNotSupported", field: path.toString(), message };
}

export function duplicate(path: FieldPath, value: unknown): FieldError {
  const message = `Duplicate value: ${show(value)}`;
  return { reason: "FieldValueDuplicate", field: path.toString(), message };
}

export function forbiddenField(path: FieldPath, detail: string): FieldError {
  const message = `Forbidden: ${detail}`;
  return { reason: "FieldValueForbidden", field: path.toString(), message };
}

export function notFoundField(path: FieldPath, value: unknown): FieldError {
  const message = `Not found: ${show(value)}`;
  return { reason: "FieldValueNotFound", field: path.toString(), message };
}

export function tooLong(path: FieldPath, maxBytes: number): FieldError {
  const message = `Too long: may not be more than ${maxBytes} bytes`;
  return { reason: "FieldValueTooLong", field: path.toString(), message };
}

export function tooMany(path: FieldPath, count: number, max: number): FieldError {
  const message = `Too many: ${count}: must have at most ${max} items`;
  return { reason: "FieldValueTooMany", field: path.toString(), message };
}

function show(value: unknown): string {
  return value === undefined ? '""' : JSON.stringify(value);
}
