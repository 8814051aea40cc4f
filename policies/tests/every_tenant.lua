-- What no tenant's own policies may change: `tenants = "all"` holds a case against every set under tenants/, too.
-- Other cases say what the general policies do; a tenant's may differ, and has cases of its own in
-- tenants/NAME/tests/.
return {
  { tenants = "all", channel = "SMS", meaning = "opt_out", text = {
    "STOP", "stop", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT",
  } },
  { tenants = "all", channel = { "WhatsApp", "Email", "FB", "GMB" }, meaning = "opt_out", text = { "STOP", "UNSUBSCRIBE" } },
  { tenants = "all", channel = "SMS", meaning = "opt_in", text = { "START", "UNSTOP" } },
  { tenants = "all", channel = "SMS", meaning = "none", text = { "YES", "ok", "Can you stop by at 5?" } },
}
