/** A command asks for what cannot be: a flag's value, a name. Nothing was done. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
