-- Code → effect.
return {
  { provider = "twilio", channel = "SMS", code = { "30003", "30005", "30006", "21635" }, effect = "temporary", reason = "carrier" },
  { provider = "twilio", channel = "SMS", code = "30004", effect = "permanent", reason = "carrier" },
  { provider = "twilio", channel = "SMS", code = "21610", effect = "permanent", reason = "provider_opt_out", channels = { "SMS" } },
  { provider = "twilio", channel = "SMS", code = { "30007", "30008", "30034", "30001" }, effect = "none" },
  { provider = "twilio", channel = "SMS", code = "99999", effect = "unknown" },
  -- R19: a code reported for a whatsapp: address concerns WhatsApp, not SMS
  { provider = "twilio", channel = "WhatsApp", code = "21610", effect = "permanent", reason = "provider_opt_out", channels = { "WhatsApp" } },
  { provider = "twilio", channel = "WhatsApp", code = { "63014", "63033" }, effect = "temporary", reason = "provider_opt_out", channels = { "WhatsApp" } },
  { provider = "twilio", channel = "FB", code = "63014", effect = "temporary", reason = "provider_opt_out", channels = { "FB" } },
  { provider = "twilio", channel = "WhatsApp", code = { "63024", "63003" }, effect = "temporary", reason = "carrier" },
  { provider = "twilio", channel = "WhatsApp", code = { "63049", "63032", "63016" }, effect = "none" },

  { provider = "mailgun", channel = "Email", severity = "permanent", code = { "bounce", "generic", "suppress-bounce", "suppress-unsubscribe", "hardfail" }, effect = "permanent", reason = "bounce" },
  { provider = "mailgun", channel = "Email", severity = "permanent", code = "suppress-complaint", effect = "permanent", reason = "complaint" },
  { provider = "mailgun", channel = "Email", severity = "permanent", code = { "old", "greylisted", "espblock", "blacklisted" }, effect = "none" },
  { provider = "mailgun", channel = "Email", severity = "temporary", code = { "bounce", "generic", "old" }, effect = "none" },

  { provider = "whatsapp", channel = "WhatsApp", code = "131050", effect = "temporary", reason = "provider_opt_out" },
  { provider = "whatsapp", channel = "WhatsApp", code = { "131049", "131026", "131047", "190" }, effect = "none" },
  { provider = "whatsapp", channel = "WhatsApp", code = "marketing_stop", effect = "temporary", reason = "provider_opt_out" },
  { provider = "whatsapp", channel = "WhatsApp", code = "marketing_resume", effect = "opt_in" },
  { provider = "messenger", channel = "FB", code = "marketing_stop", effect = "temporary", reason = "provider_opt_out" },
  { provider = "messenger", channel = "FB", code = "marketing_resume", effect = "opt_in" },
  { provider = "messenger", channel = "FB", code = { "551", "551/1545041" }, effect = "temporary", reason = "provider_opt_out" },
  { provider = "messenger", channel = "FB", code = { "10/2018278", "100/2018001" }, effect = "none" },
  { provider = "telnyx", channel = "SMS", code = "40300", effect = "permanent", reason = "provider_opt_out", channels = { "SMS" } },
  { provider = "telnyx", channel = "SMS", code = { "40002", "40003", "40004" }, effect = "none" },
}
