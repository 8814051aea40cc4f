---@meta
-- What policy files may hold, for editors. Nothing here is run: the gate passes over this folder.
--
-- With the Lua language server (VS Code: the extension "Lua"), open the folder `policies`: .luarc.json beside this
-- folder does the rest. Say what a file is, and the editor knows its keys, completes them and marks what is wrong:
--
--   ---@type dndgate.Sends
--   local policy = { on_send = function(send) … end }
--   return policy

---@alias dndgate.Channel "SMS"|"Call"|"Email"|"WhatsApp"|"FB"|"GMB"
---@alias dndgate.Channels dndgate.Channel|dndgate.Channel[]|"all"
---@alias dndgate.Meaning "opt_out"|"opt_in"|"help"|"review"|"none"
---@alias dndgate.Texts string|string[]
---@alias dndgate.AddressKind "phone"|"email"|"psid"|"gmb"|"wa"

-- keywords.lua ------------------------------------------------------------------------------------------------------

---@class dndgate.Keywords
---@field scope? "channel"|dndgate.Channels|table<dndgate.Channel, "channel"|dndgate.Channels> channels that an opt-out covers besides its own
---@field on_doubt? "review"|"block"|"none" what to do with a message in doubt
---@field speaks? "all"|dndgate.Texts the languages that are understood
---@field trust_provider? boolean does the provider's own reading count
---@field added_text? dndgate.AddedText what programs add to a message
---@field not_typos? dndgate.Texts words that are no slips of a keyword
---@field channels? table<dndgate.Channel, dndgate.ChannelWords> words of one channel alone
---@field languages table<string, dndgate.Language> by language; `any` holds for all
---@field confirmation? dndgate.Confirmation the one text that confirms an opt-out
---@field classify? fun(message: dndgate.Message): dndgate.Meaning|dndgate.Reading|nil has the last word; nil: as found
---@field cases? dndgate.Case[]

---@class dndgate.ChannelWords
---@field opt_out? dndgate.Texts
---@field opt_in? dndgate.Texts
---@field help? dndgate.Texts
---@field without? dndgate.Texts words of the languages that do not count on this channel

---@class dndgate.Language
---@field opt_out? dndgate.Texts an opt-out as a whole message
---@field opt_out_whole? dndgate.Texts the same, and no part of the patterns
---@field opt_out_local? dndgate.Texts the same, only when `speaks` names the language
---@field everything? dndgate.Texts an opt-out from every channel
---@field opt_in? dndgate.Texts exact whole messages
---@field opt_in_local? dndgate.Texts the same, only when `speaks` names the language
---@field help? dndgate.Texts
---@field polite? dndgate.Texts may stand anywhere and means nothing
---@field fillers? dndgate.Texts may stand between the words of a pattern
---@field join? dndgate.Texts joins two clauses
---@field guard? dndgate.Texts makes doubtful what stands beside it
---@field words? table<string, dndgate.Texts> classes of words, by names of your own
---@field channel_words? table<dndgate.Channel, dndgate.Texts>
---@field requests? (string|dndgate.Pattern)[] patterns that ask for an end
---@field doubts? (string|dndgate.Pattern)[] patterns for a person to look at
---@field asides? (string|dndgate.Pattern)[] patterns that mean nothing
---@field gists? (string|dndgate.Pattern)[]
---@field harmless? (string|dndgate.Pattern)[]
---@field hints? dndgate.Texts words for a person to look at when nothing fits
---@field short_hints? dndgate.Texts the same in short messages
---@field no_hints? dndgate.Texts phrases with such a word that are harmless
---@field short_words? integer how many words a short message has at most
---@field strange_words? integer
---@field gap? integer
---@field unspaced? dndgate.Texts writing systems whose words are not separated: "Han", "Kana", "Hangul", "Thai"

---@class dndgate.Pattern
---@field name? string for records
---@field says dndgate.Texts class names in a row: `a|b` either, `x?` may be missing, `x+`, `x*`, `_` any word
---@field clear? boolean counts even beside sentences that are not understood
---@field asked? boolean may be put as a question
---@field alone? boolean not beside other sentences
---@field across? boolean
---@field except? dndgate.Texts

---@class dndgate.AddedText
---@field quotes? dndgate.Texts
---@field quote_ends? dndgate.Texts
---@field signatures? dndgate.Texts
---@field footers? dndgate.Texts
---@field reactions? dndgate.Texts

---@class dndgate.Confirmation
---@field default_language? string
---@field texts table<string, string> by language, up to 306 characters, no link

---@class dndgate.Message
---@field channel dndgate.Channel
---@field text string the first text
---@field texts string[] all of them: a button has a title and a payload
---@field provider_meaning? dndgate.Meaning the provider's own reading
---@field meaning dndgate.Meaning what the words say
---@field rule string by which rule

---@class dndgate.Reading
---@field meaning dndgate.Meaning
---@field rule? string for records
---@field channels? dndgate.Channel[] of an opt-out: the channels that it covers, too

-- error_codes.lua ---------------------------------------------------------------------------------------------------

---@class dndgate.ErrorCodes: { [string]: table<string, dndgate.Code> }
---@field unknown? fun(failure: dndgate.Failure): dndgate.Code? for codes that are not listed
---@field defaults? dndgate.Terms what holds where a code does not say otherwise
---@field cases? dndgate.Case[]

---@class dndgate.Terms
---@field expires? string|false how long a temporary block lasts, such as "30d"
---@field threshold? dndgate.Threshold|false how many failures it takes

---@class dndgate.Threshold
---@field failures integer
---@field within string such as "14d"

---@class dndgate.Code: dndgate.Terms
---@field effect "none"|"temporary"|"permanent"|"opt_in"
---@field reason? "carrier"|"bounce"|"complaint"|"provider_opt_out"|"unsubscribe" not needed for "none"
---@field message? string in plain words
---@field channel? dndgate.Channels when it is not the one of the send
---@field channels? dndgate.Channels
---@field severity? "permanent" counts only when the provider does not call the failure temporary

---@class dndgate.Failure
---@field provider string
---@field channel dndgate.Channel
---@field code string
---@field message string
---@field severity? "permanent"|"temporary"

-- sends.lua ---------------------------------------------------------------------------------------------------------

---@class dndgate.Sends
---@field on_send? fun(send: dndgate.Send): dndgate.Verdict|string|boolean|nil nil or true: it may go out
---@field rules? dndgate.Rules rules that are data
---@field needs? "contact"|"contact"[]
---@field cases? dndgate.Case[]

---@class dndgate.Send
---@field tenant string
---@field provider string
---@field channel dndgate.Channel
---@field kind string "message", "call", …
---@field address_kind dndgate.AddressKind
---@field address string normalised, such as "+12025550123"
---@field sender string empty when unknown
---@field tags string[]
---@field scheduled boolean
---@field now integer seconds since 1970; see `clock.at`
---@field request_id string
---@field contact? dndgate.Contact with `needs = { "contact" }`

---@class dndgate.Contact
---@field timezones string[]
---@field countries string[]
---@field tags string[]

---@class dndgate.Verdict
---@field block boolean
---@field reason? string what the sender is told
---@field rule? string the rule's name in records

---@class dndgate.Selector
---@field channels? dndgate.Channels
---@field tags? dndgate.Texts
---@field senders? dndgate.Texts
---@field kinds? dndgate.Texts
---@field providers? dndgate.Texts
---@field prefixes? dndgate.Texts
---@field countries? dndgate.Texts
---@field contact_tags? dndgate.Texts

---@class dndgate.Rule: dndgate.Selector
---@field name? string
---@field reason? string
---@field except? dndgate.Selector

---@class dndgate.QuietHours: dndgate.Rule
---@field allowed? string|table "8-21"
---@field zones? "every"|"any"
---@field by? "address"|"contact"|"both"
---@field fallback? dndgate.Texts
---@field scheduled? "refuse"|"allow"

---@class dndgate.Cap: dndgate.Rule
---@field limit integer
---@field per string "hour", "day", "week", or a length such as "90m"
---@field by? string|string[] "recipient", "sender", "channel", "provider", "kind", "tenant"

---@class dndgate.Holidays: dndgate.Rule
---@field dates dndgate.Texts "2026-12-25", or "12-25" for every year
---@field by? "address"|"contact"|"both"
---@field fallback? dndgate.Texts
---@field scheduled? "refuse"|"allow"

---@class dndgate.Rules
---@field block? dndgate.Rule|dndgate.Rule[]
---@field holidays? dndgate.Holidays|dndgate.Holidays[]
---@field quiet_hours? dndgate.QuietHours|dndgate.QuietHours[]
---@field caps? dndgate.Cap|dndgate.Cap[]

---@class dndgate.Moment
---@field year integer
---@field month integer
---@field day integer
---@field hour integer
---@field minute integer
---@field second integer
---@field weekday integer 1 is Monday
---@field date string "2026-03-01"

clock = {}

---The calendar and the time of day in a time zone.
---@param seconds integer such as `send.now`
---@param zone string "Europe/Berlin", "UTC" or "+02:00"
---@return dndgate.Moment
function clock.at(seconds, zone) end

-- The next ones are for `on_send` (docs/send-rules.md).

rules = {}
---@param rule dndgate.QuietHours
---@return dndgate.Verdict?
function rules.quiet_hours(rule) end
---@param rule dndgate.Cap
---@return dndgate.Verdict?
function rules.caps(rule) end
---@param rule dndgate.Holidays
---@return dndgate.Verdict?
function rules.holidays(rule) end
---@param rule dndgate.Rule
---@return dndgate.Verdict?
function rules.block(rule) end

---Takes a place in a count of your own; false when there is none left.
---@param key string
---@param limit integer
---@param window string "7d"
---@return boolean
function cap(key, limit, window) end

---How many places of a count are taken.
---@param key string
---@param window string
---@return integer
function sent(key, window) end

---Is it so for the recipient now? nil when nothing tells the time zone.
---@param hours string "8-21"
---@param zones? "every"|"any"
---@return boolean?
function within(hours, zones) end

---The time zones where the recipient may be.
---@return string[]
function zones() end

---Has the send one of these tags?
---@param ... string
---@return boolean
function tagged(...) end

-- unsubscribe.lua ---------------------------------------------------------------------------------------------------

---@class dndgate.Unsubscribe
---@field scope? "channel"|dndgate.Channels the channels that an unsubscribe switches off
---@field default_language? string
---@field texts table<string, dndgate.PageTexts> by language
---@field cases? dndgate.Case[]

---@class dndgate.PageTexts
---@field title string
---@field question string {tenant}, {address}
---@field choose string
---@field button string
---@field done string {channels}
---@field already string
---@field again string
---@field off string
---@field undo string
---@field undo_button string
---@field resumed string {channels}
---@field kept_off string
---@field sms_locked string
---@field bad_link string
---@field unavailable string
---@field busy string
---@field reach string
---@field email string
---@field call string

-- tests/*.lua -------------------------------------------------------------------------------------------------------

---@alias dndgate.Cases dndgate.Case[]

---@class dndgate.Case
---@field tenants? "all" every tenant's own policies have to pass it, too
---@field text? dndgate.Texts a message, or several
---@field meaning? dndgate.Meaning
---@field channel? dndgate.Channels
---@field channels? dndgate.Channels what the opt-out, or the code, covers
---@field rule? string part of the rule's name
---@field provider? string
---@field code? dndgate.Texts
---@field severity? "permanent"|"temporary"
---@field effect? "none"|"temporary"|"permanent"|"opt_in"|"unknown"
---@field reason? string of a code: its reason; of a send: part of what the rule says
---@field message? string
---@field expires? string|false
---@field threshold? dndgate.Threshold|false
---@field send? dndgate.CaseSend
---@field verdict? "allow"|"block"
---@field sent? integer|string[] sends before it
---@field contact? { timezone?: string, country?: string, tags?: dndgate.Texts }

---@class dndgate.CaseSend
---@field tenant? string
---@field provider? string
---@field channel? dndgate.Channel
---@field kind? string
---@field address_kind? dndgate.AddressKind
---@field address? string
---@field sender? string
---@field tags? dndgate.Texts
---@field scheduled? boolean
---@field now? string "2026-03-02T03:00:00Z"
