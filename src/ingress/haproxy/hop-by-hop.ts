/** Name of the file with {@link nominatedScript}. */
export const nominatedFile = "nominated.lua";

/**
 * Removes the fields that a message names in its Connection field as meant for the next hop only
 * (RFC 9110, 7.6.1), which HAProxy leaves. What frames or routes a message cannot be named.
 */
export const nominatedScript = `local kept = {
  ["close"] = true, ["keep-alive"] = true, ["upgrade"] = true, ["te"] = true,
  ["host"] = true, ["content-length"] = true, ["transfer-encoding"] = true,
}

local function drop(headers, remove, add)
  local upgrades = false
  for _, line in pairs(headers["connection"] or {}) do
    for name in line:lower():gmatch("[^,%s]+") do
      if name == "upgrade" then upgrades = true end
      if not kept[name] then remove(name) end
    end
  end
  remove("connection")
  if upgrades then add("connection", "upgrade") end
end

core.register_action("drop_nominated", { "http-req" }, function(txn)
  local http = txn.http
  drop(http:req_get_headers(),
    function(name) http:req_del_header(name) end,
    function(name, value) http:req_add_header(name, value) end)
end)

core.register_action("drop_nominated", { "http-res" }, function(txn)
  local http = txn.http
  drop(http:res_get_headers(),
    function(name) http:res_del_header(name) end,
    function(name, value) http:res_add_header(name, value) end)
end)
`;

/** A message names more in its Connection field than what HAProxy deals with itself. */
function nominates(fetch: "req.hdr" | "res.hdr"): string {
  return `{ ${fetch}(connection),lower -m reg ^(?!(close|keep-alive|upgrade)$) }`;
}

/** Rules of a frontend: fields of the client's hop go no further, and those of the service's neither. */
export function hopByHopRules(): string[] {
  return [
    `  http-request lua.drop_nominated if ${nominates("req.hdr")}`,
    `  http-response lua.drop_nominated if ${nominates("res.hdr")}`,
    "  http-request del-header Keep-Alive",
    "  http-response del-header Keep-Alive",
    // Proxy-Connection, and what is meant for this proxy: Proxy-Authorization.
    "  http-request del-header proxy- -m beg",
    "  http-request del-header TE unless { req.hdr(te) -m str trailers }",
    // To a service that takes it, what follows would be requests that no rule has seen.
    "  http-request del-header Upgrade if { req.hdr(upgrade),lower -m beg h2c }",
    "  http-request del-header HTTP2-Settings",
  ];
}
