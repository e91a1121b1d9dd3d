import type { Routes } from "#ingress/model.ts";

type Table = "exact" | "prefix" | "fallback";

/**
 * Rules of a frontend that find the backend of a request, `txn.backend`, by maps: see `Routes`. What
 * no rule needs is not looked up.
 * @param mapOf path of the map of a table.
 */
export function routeRules(routes: Routes, mapOf: (table: Table) => string): string[] {
  const has = (table: Table, what: RegExp): boolean =>
    [...routes[table].keys()].some((it) => what.test(it));
  const byPath = (what: RegExp, host: string | undefined): string[] => {
    const key = host === undefined ? "var(txn.path)" : "var(txn.key)";
    const [exact, prefix] = [has("exact", what), has("prefix", what)];
    if (!exact && !prefix) return [];
    return [
      ...(host === undefined ? [] : [set("key", `var(txn.${host}),concat(,txn.path)`)]),
      ...(exact ? [look(`${key},map_str(${mapOf("exact")})`)] : []),
      ...(prefix ? [look(`${key},concat(/),map_beg(${mapOf("prefix")})`)] : []),
    ];
  };
  const fallback = (what: RegExp, host: string): string[] =>
    has("fallback", what) ? [look(`var(txn.${host}),map_str(${mapOf("fallback")})`)] : [];
  const hasWild = (["exact", "prefix", "fallback"] as const).some((it) => has(it, wild));
  return [
    set("host", "req.hdr(host),lower,field(1,:),rtrim(.)"),
    set("path", "path,url_dec"),
    ...byPath(named, "host"),
    ...(hasWild ? [set("wild", "var(txn.host),regsub(^[^.]*,*)")] : []),
    ...byPath(wild, "wild"),
    ...byPath(hostless, undefined),
    ...fallback(named, "host"),
    ...fallback(wild, "wild"),
  ];
}

/** Keys by what stands before their path. */
const wild = /^\*/;
const hostless = /^\//;
const named = /^[^*/]/;

function set(name: string, expression: string): string {
  return `  http-request set-var(txn.${name}) ${expression}`;
}

/** Unless it is found by now. */
function look(expression: string): string {
  return `  http-request set-var(txn.backend) ${expression} unless { var(txn.backend) -m found }`;
}
