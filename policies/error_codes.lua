-- What a provider's error code means for the person it was sent to.
--
--   ["30003"] = { effect = "temporary", reason = "carrier", message = "…" },
--
--   effect    "none"       says nothing of the person; nothing changes
--             "temporary"  the channel is blocked; an operator may end it
--             "permanent"  blocked for good (on SMS only START or recorded evidence ends it)
--             "opt_in"     the person pressed a button to have messages again: ends what START would end
--   reason    "carrier", "bounce", "complaint", "provider_opt_out" or "unsubscribe"; not needed for "none"
--   message   in plain words, for the contact's record
--   channel   the channel it concerns, when it is not the one of the send; several: channels = { … }
--   severity  "permanent": counts only when the provider does not call the failure temporary
--
-- A code that is not listed changes nothing; it is logged and counted. A function may decide instead:
--
--   unknown = function(failure)   -- failure.provider, .channel, .code, .severity, .message
--     if failure.provider == "twilio" and failure.message:find("opted out", 1, true) then
--       return { effect = "temporary", reason = "provider_opt_out", message = failure.message }
--     end
--   end,

local none = { effect = "none" }

local function nothing(message)
  return { effect = "none", message = message }
end

return {
  twilio = {
    -- SMS: the carrier's report
    ["30001"] = nothing("queue overflow"),
    ["30002"] = nothing("the Twilio account is suspended"),
    ["30003"] = { effect = "temporary", reason = "carrier", message = "handset unreachable: off, no signal, or it cannot get SMS" },
    ["30004"] = { effect = "permanent", reason = "carrier", message = "blocked: the destination is barred, opted out, or on a do-not-disturb list" },
    ["30005"] = { effect = "temporary", reason = "carrier", message = "number unknown or no longer in service" },
    ["30006"] = { effect = "temporary", reason = "carrier", message = "landline, or a carrier that cannot be reached" },
    ["30007"] = nothing("filtered for its content"),
    ["30008"] = nothing("unknown error"),
    ["30034"] = nothing("the sending number is not registered for A2P 10DLC"),
    -- SMS: the answer to a send. For a whatsapp: address it concerns WhatsApp.
    ["21610"] = { effect = "permanent", reason = "provider_opt_out", message = "the person opted out (replied STOP)" },
    ["21635"] = { effect = "temporary", reason = "carrier", message = "the number is a landline" },
    -- WhatsApp and Messenger through Twilio
    ["63003"] = { effect = "temporary", reason = "carrier", message = "no such address on this channel" },
    ["63005"] = nothing("content refused by the channel"),
    ["63013"] = nothing("against the channel's policy"),
    ["63014"] = { effect = "temporary", reason = "provider_opt_out", message = "the person blocked the sender or opted out" },
    ["63016"] = nothing("outside the 24-hour window, a template is needed"),
    ["63018"] = nothing("rate limit of the channel"),
    ["63024"] = { effect = "temporary", reason = "carrier", message = "not a valid WhatsApp recipient" },
    ["63032"] = nothing("WhatsApp limits messages to this person at the moment"),
    ["63033"] = { effect = "temporary", reason = "provider_opt_out", channel = "WhatsApp", message = "the person stopped marketing messages on WhatsApp" },
    ["63049"] = nothing("Meta chose not to deliver this marketing message"),
  },

  -- Mailgun reports a word, not a number: the `reason` of a failed message.
  mailgun = {
    ["bounce"] = { effect = "permanent", severity = "permanent", reason = "bounce", message = "the mailbox refused the mail for good" },
    ["generic"] = { effect = "permanent", severity = "permanent", reason = "bounce", message = "the mail failed for good" },
    ["hardfail"] = { effect = "permanent", severity = "permanent", reason = "bounce", message = "the mail failed for good" },
    ["suppress-bounce"] = { effect = "permanent", severity = "permanent", reason = "bounce", message = "on Mailgun's bounce list" },
    ["suppress-unsubscribe"] = { effect = "permanent", severity = "permanent", reason = "bounce", message = "on Mailgun's unsubscribe list" },
    ["suppress-complaint"] = { effect = "permanent", severity = "permanent", reason = "complaint", message = "on Mailgun's complaint list: marked as spam before" },
    ["old"] = nothing("Mailgun gave up trying; says nothing of the mailbox"),
    ["greylisted"] = none,
    ["espblock"] = nothing("the mail service blocks the sender, not the person"),
    ["blacklisted"] = nothing("the sender is on a block list"),
    ["unknown"] = none,
  },

  -- Telnyx ("Messaging error codes", documentation)
  telnyx = {
    ["40001"] = { effect = "temporary", reason = "carrier", message = "not routable: a landline, or no mobile number" },
    ["40002"] = nothing("blocked as spam: the content, not the person"),
    ["40003"] = nothing("blocked as spam for a time: the content, not the person"),
    ["40004"] = nothing("rejected by the destination's carrier"),
    ["40005"] = nothing("expired before it could be delivered"),
    ["40006"] = { effect = "temporary", reason = "carrier", message = "the recipient's server was unavailable" },
    ["40008"] = { effect = "temporary", reason = "carrier", message = "undeliverable" },
    ["40300"] = { effect = "permanent", reason = "provider_opt_out", message = "the person opted out (replied STOP)" },
    ["sending_failed"] = nothing("failed, without a reason"),
    ["delivery_failed"] = nothing("failed, without a reason"),
  },

  -- WhatsApp Cloud API, of Meta
  whatsapp = {
    -- What a person pressed in the app: "Offers and announcements", stop and resume
    ["marketing_stop"] = { effect = "temporary", reason = "provider_opt_out", message = "the person stopped marketing messages in WhatsApp" },
    ["marketing_resume"] = { effect = "opt_in", message = "the person wants marketing messages again" },
    ["131050"] = { effect = "temporary", reason = "provider_opt_out", message = "the person stopped marketing messages from this business" },
    ["131049"] = nothing("withheld by Meta's limit on marketing messages"),
    ["130472"] = nothing("the person is in one of Meta's experiments"),
    ["131026"] = nothing("undeliverable: not on WhatsApp, old app, terms not accepted, or the business is blocked"),
    ["131047"] = nothing("more than 24 hours since the person's last reply"),
    ["131021"] = nothing("the recipient is the sender"),
    ["131030"] = nothing("not in the list of test recipients"),
    ["131048"] = nothing("too many messages were flagged as spam"),
    ["130429"] = none,
    ["131056"] = none,
    ["4"] = none,
    ["80007"] = none,
    ["131051"] = none,
    ["131052"] = none,
    ["131053"] = none,
    ["131062"] = none,
    ["131063"] = none,
    ["131064"] = none,
    ["131008"] = none,
    ["131009"] = none,
    ["100"] = none,
    ["33"] = none,
    ["130497"] = nothing("the business may not write to this country"),
    ["131031"] = nothing("the business account is locked"),
    ["368"] = nothing("the business account is restricted"),
    ["131005"] = none,
    ["10"] = none,
    ["190"] = nothing("the access token is not valid"),
    ["0"] = nothing("the access token is not valid"),
    ["131000"] = none,
    ["131016"] = none,
    ["131045"] = none,
    ["131057"] = none,
    ["2"] = none,
    ["132000"] = nothing("template problem"),
    ["132001"] = nothing("template problem"),
    ["132005"] = nothing("template problem"),
    ["132007"] = nothing("template problem"),
    ["132012"] = nothing("template problem"),
    ["132015"] = nothing("template problem"),
    ["132016"] = nothing("template problem"),
    ["131055"] = none,
    ["134100"] = none,
    ["134101"] = none,
    ["134102"] = none,
    ["138001"] = nothing("cannot receive calls"),
    ["138006"] = nothing("no permission to call"),
    ["138009"] = nothing("too many requests for permission to call"),
    ["138012"] = nothing("too many calls to this person"),
    ["613"] = none,
  },

  -- Messenger, of Meta: code, or code/subcode
  messenger = {
    -- What a person pressed: "Stop messages" and "Resume messages" of a notification
    ["marketing_stop"] = { effect = "temporary", reason = "provider_opt_out", message = "the person stopped notifications in Messenger" },
    ["marketing_resume"] = { effect = "opt_in", message = "the person wants notifications again" },
    ["551"] = { effect = "temporary", reason = "provider_opt_out", message = "this person is not available: blocked the page, or deactivated" },
    ["551/1545041"] = { effect = "temporary", reason = "provider_opt_out", message = "this person is not available: blocked the page, or deactivated" },
    ["10"] = nothing("outside the allowed window"),
    ["10/2018278"] = nothing("outside the allowed window"),
    ["10/2018065"] = nothing("outside the allowed window"),
    ["10/2018108"] = nothing("outside the allowed window"),
    ["100"] = none,
    ["100/2018001"] = nothing("no such person on this page"),
    ["100/2018109"] = nothing("the attachment is too large"),
    ["100/33"] = none,
    ["200"] = nothing("no permission to write to this person"),
    ["200/1545041"] = nothing("no permission to write to this person"),
    ["200/2018021"] = nothing("no permission to write to this person"),
    ["200/2018028"] = nothing("no permission to write to this person"),
    ["230"] = nothing("no permission to write to this person"),
    ["10900"] = nothing("already replied to"),
    ["10903"] = nothing("cannot be answered there"),
    ["4"] = none,
    ["4/2018354"] = nothing("limit on marketing messages"),
    ["9"] = none,
    ["9/2018352"] = nothing("limit on marketing messages"),
    ["17"] = none,
    ["32"] = none,
    ["613"] = none,
    ["80006"] = none,
    ["1"] = none,
    ["2"] = none,
    ["1200"] = none,
    ["190"] = nothing("the access token is not valid"),
    ["368"] = nothing("the page is restricted"),
    ["2022"] = nothing("the page is restricted"),
    ["2300052"] = nothing("limit on marketing messages"),
  },
}
