import { isJsonObject } from "#api/object.ts";
import type { Reading } from "./reading.ts";

/** `host=address` for each of `host:address`, `host=address`, or a mapping. Undefined when absent. */
export function hostTexts(at: Reading): readonly string[] | undefined {
  if (at.isAbsent) return undefined;
  const texts = isJsonObject(at.value)
    ? at.entries().flatMap(([host, it]) => (it.texts() ?? []).map((ip) => textOf(host, ip)))
    : at.list().map((it) => {
        const [, host, ip] = /^([^:=]+)[:=](.+)$/.exec(it.text() ?? "") ?? [];
        if (host === undefined || ip === undefined) {
          throw it.fail(`'${it.text() ?? ""}' must be HOST=ADDRESS`);
        }
        return textOf(host, ip);
      });
  return [...new Set(texts)];
}

function textOf(host: string, address: string): string {
  return `${host.trim()}=${address.trim().replace(/^\[(.*)\]$/, "$1")}`;
}
