/** Columns as Docker's client aligns them: at least so wide, three spaces between. */
export function formatTable(rows: readonly (readonly string[])[], widthMin = 10): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.slice(0, -1).forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? widthMin, cell.length + 3);
    });
  }
  const line = (row: readonly string[]): string =>
    row
      .map((cell, index) => cell.padEnd(index === row.length - 1 ? 0 : (widths[index] ?? 0)))
      .join("");
  return rows.map((row) => `${line(row)}\n`).join("");
}

const units = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Three digits and a decimal unit: `4.26MB`. go-units `HumanSizeWithPrecision`. */
export function formatSize(bytes: number): string {
  return scaled(bytes, 1_000, units, 3);
}

function scaled(bytes: number, base: number, names: readonly string[], digits: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= base && unit < names.length - 1) {
    value /= base;
    unit++;
  }
  return `${Number(value.toPrecision(digits))}${names[unit] ?? ""}`;
}

const binaryUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Four digits and a binary unit: `1.5MiB`. go-units `BytesSize`. */
export function formatBinarySize(bytes: number): string {
  return scaled(bytes, 1_024, binaryUnits, 4);
}

/** `2 weeks ago`. */
export function formatAge(ms: number): string {
  return `${formatSpan(ms)} ago`;
}

/** `2 weeks`. go-units `HumanDuration`. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.trunc(ms / 1_000));
  const minutes = Math.trunc(seconds / 60);
  const hours = Math.round(seconds / 3_600);
  const days = hours / 24;
  const steps: readonly (readonly [below: boolean, text: string])[] = [
    [seconds < 1, "Less than a second"],
    [seconds === 1, "1 second"],
    [seconds < 60, `${seconds} seconds`],
    [minutes === 1, "About a minute"],
    [minutes < 60, `${minutes} minutes`],
    [hours === 1, "About an hour"],
    [hours < 48, `${hours} hours`],
    [hours < 24 * 14, `${Math.trunc(days)} days`],
    [hours < 24 * 60, `${Math.trunc(days / 7)} weeks`],
    [hours < 24 * 365 * 2, `${Math.trunc(days / 30)} months`],
  ];
  return steps.find(([below]) => below)?.[1] ?? `${Math.trunc(days / 365)} years`;
}

/** The first twelve digits, as images and layers are shown. */
export function shortDigest(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1).slice(0, 12);
}

/** At most `length` characters, the last an ellipsis if some are missing. */
export function ellipsis(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
