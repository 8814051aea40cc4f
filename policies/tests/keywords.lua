-- Message → meaning: words and their disguises.
return {
  { meaning = "opt_out", channel = "all", text = {
    "STOP", "stop", "Stop.", " stop\n", "STOP!!!", "\"STOP\"", "«Stop»", "STOP 🛑", "🛑", " 🛑🛑🛑 ", "🛑️", "🙏 stop 🙏", "S.T.O.P", "S T O P", "s-t-o-p",
    "ＳＴＯＰ", "ST0P", "$top", "stoppp", "STOOOP", "stpo", "sotp", "STOP STOP STOP", "stopstop", "STOP PLEASE", "please stop",
    "Stop now, thanks", "STOP ALL", "UNSUBSCRIBE", "unsubcribe", "unsubscrbie", "Un-subscribe", "un subscribe", "CANCEL", "End", "quit", "REVOKE", "OPT OUT",
    "opt-out", "OptOut", "opt out please", "ARRET", "Arrêt", "BAJA", "STOP\n\nSent from my iPhone", "stop\n> Reply STOP to end",
  } },
  { meaning = "opt_out", text = {
    "STOPP", "abmelden", "baja", "parar", "SAIR", "AFMELDEN", "Rezygnuję", "RET", "İPTAL", "СТОП", "ΔΙΑΚΟΠΗ", "הסר", "إيقاف", "退订", "TD", "停止",
    "配信停止", "수신거부", "बंद करें", "BERHENTI", "UNREG", "TC", "HUY", "ยกเลิก", "alto", "desuscribirme",
  } },
  { meaning = "opt_out", channels = "all", text = { "STOPALL", "stop all channels", "remove me from everything" } },
  { meaning = "opt_in", channel = "all", text = { "START", "start", "Unstop", "SUBSCRIBE", "opt in", "Start." } },
  { meaning = "none", text = { "YES", "yes", "Y", "ok", "start it", "startt", "s t a r t", "restart", "start please", "subscribe me" } },
  { meaning = "help", text = { "HELP", "help", "Info", "help!", "AIDE", "Hilfe", "ayuda" } },
  { meaning = "review", text = { "stop?", "cancel?", "START?" } },
  { meaning = "none", text = {
    "T", "N", "R", "x", "0", "shop", "step", "pasta", "Liked “Reply STOP to unsubscribe”", "👍", "", "endless", "friend", "canceled my trip, see you soon at the station then",
  } },
}
