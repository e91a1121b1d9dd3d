import { assert } from "#base/assert.ts";
import type { Row } from "./database.ts";

/** A column of a row that must hold text. */
export function textOf(row: Row, column: string): string {
  const value = row[column];
  assert(typeof value === "string", `column ${column} holds text`);
  return value;
}

/** A column that must hold a number. PostgreSQL sends 64-bit ones as text. */
export function numberOf(row: Row, column: string): number {
  const value = row[column];
  const number = typeof value === "string" ? Number(value) : value;
  assert(typeof number === "number" && Number.isFinite(number), `column ${column} holds a number`);
  return number;
}

/** Undefined for null. */
export function maybeText(row: Row, column: string): string | undefined {
  return row[column] == null ? undefined : textOf(row, column);
}

/** Undefined for null. */
export function maybeNumber(row: Row, column: string): number | undefined {
  return row[column] == null ? undefined : numberOf(row, column);
}
