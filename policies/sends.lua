-- Rules of your own that may block a send. They come after the gate and can only block more: a person who
-- opted out is never reached, whatever stands here. No rule is active as shipped: take away the two dashes
-- before those that you want. Everything a rule can say is in docs/send-rules.md.
--
-- Test your rules: see tests/ and README.md.

return {
  rules = {
    -- Texts and calls only while it is day for the recipient, by the time zones that the number may be in.
    -- quiet_hours = { allowed = "8-21" },

    -- The same with hours of their own on some days and in some places: the first is for everybody else.
    -- quiet_hours = {
    --   { allowed = { "8-21", sunday = "12-21" }, except = { prefixes = { "+1305", "+1786" } } },
    --   { name = "Miami", allowed = "8-20", prefixes = { "+1305", "+1786" } },
    -- },

    -- No more than this to one person. The counts survive restarts.
    -- caps = {
    --   { name = "ads", limit = 3, per = "week", tags = { "marketing", "campaign-*" } },
    --   { name = "all", limit = 10, per = "day", except = { tags = { "otp", "receipt" } } },
    -- },

    -- No advertising on holidays, by the recipient's calendar.
    -- holidays = {
    --   { countries = "US", dates = { "01-01", "07-04", "2026-11-26", "12-25" }, tags = "marketing" },
    --   { countries = "DE", dates = { "01-01", "05-01", "10-03", "12-25", "12-26" }, tags = "marketing" },
    -- },

    -- Whole kinds of sends.
    -- block = { channels = "WhatsApp", tags = "marketing", reason = "no marketing on WhatsApp" },
  },

  -- What the rules above cannot say, in Lua. It is asked for every recipient and answers nil, or
  -- { block = true, reason = "…" }. It has 50 milliseconds and keeps nothing between sends but what `cap`
  -- counts. One that fails blocks the send.
  --
  -- on_send = function(send)
  --   if tagged("otp", "receipt") then return end
  --   if send.channel == "Call" and not within("9-17") then
  --     return { block = true, reason = "we call in office hours" }
  --   end
  --   if not cap("campaign " .. send.sender, 1000, "1h") then
  --     return { block = true, reason = "a thousand an hour from one number" }
  --   end
  -- end,
}
