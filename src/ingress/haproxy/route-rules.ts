/**
 * Rules of a frontend that find the backend of a request, `txn.backend`, by maps: see `Routes`.
 * @param mapOf path of the map `exact`, `prefix` or `fallback`.
 */
export function pathRules(mapOf: (name: "exact" | "prefix" | "fallback") => string): string[] {
  const [exact, prefix, fallback] = [mapOf("exact"), mapOf("prefix"), mapOf("fallback")];
  return [
    set("host", "req.hdr(host),lower,field(1,:),rtrim(.)"),
    set("wild", "var(txn.host),regsub(^[^.]*,*)"),
    set("path", "path,url_dec"),
    ...["host", "wild"].flatMap((it) => [
      set("key", `var(txn.${it}),concat(,txn.path)`),
      look(`var(txn.key),map_str(${exact})`),
      look(`var(txn.key),concat(/),map_beg(${prefix})`),
    ]),
    look(`var(txn.path),map_str(${exact})`),
    look(`var(txn.path),concat(/),map_beg(${prefix})`),
    look(`var(txn.host),map_str(${fallback})`),
    look(`var(txn.wild),map_str(${fallback})`),
  ];
}

function set(name: string, expression: string): string {
  return `  http-request set-var(txn.${name}) ${expression}`;
}

/** Unless it is found by now. */
function look(expression: string): string {
  return `  http-request set-var(txn.backend) ${expression} unless { var(txn.backend) -m found }`;
}
