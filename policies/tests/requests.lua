-- Message → meaning: requests in people's own words, and talk that is none.
return {
  { meaning = "opt_out", rule = "stop contacting", text = {
    "please stop texting me", "Stop texting me!", "can you stop texting me?", "stop sending me messages", "Stop sending these texts please",
    "quit messaging this number", "I want you to stop contacting me", "Please stop texting me. I already bought a car last week",
    "stop texting me about the house", "Hi John, please stop texting me",
  } },
  { meaning = "opt_out", rule = "do not contact", text = { "Don't text me again", "do not contact me anymore", "please don’t message me", "never call me again" } },
  { meaning = "opt_out", channels = { "SMS", "Call" }, text = { "stop calling", "do not call" } },
  { meaning = "opt_out", text = {
    "stop the messages", "take me off your list", "remove me from your list", "please remove my number", "take my number off your contact list", "unsubscribe me please",
    "I no longer wish to receive these messages", "i dont want these texts", "I do not want to receive any more messages from you", "no more texts please",
    "leave me alone", "lose my number", "I would like to unsubscribe", "how do I opt out?", "stop. wrong number", "please opt me out", "do not contact",
    "Not interested, please stop texting", "STOP. Not interested", "I want to opt out of these messages",
  } },
  { meaning = "opt_out", channels = { "SMS", "Call" }, text = { "stop calling me", "please do not call me again" } },
  { meaning = "opt_out", text = {
    "no me escriban más", "por favor dejen de enviarme mensajes", "no quiero recibir más mensajes", "bórrenme de su lista", "déjenme en paz",
    "pare de me enviar mensagens", "não quero mais receber mensagens", "me tire da lista", "parem de mandar mensagem",
    "arrêtez de m'envoyer des messages", "ne me contactez plus", "je ne veux plus recevoir de sms", "retirez-moi de votre liste",
    "bitte keine Nachrichten mehr", "hören Sie auf mir zu schreiben", "schreiben Sie mir nicht mehr", "löschen Sie meine Nummer", "ich möchte keine Werbung mehr erhalten",
    "smettete di scrivermi", "non voglio più ricevere messaggi", "cancellatemi dalla lista", "stop met berichten sturen", "haal me van de lijst",
    "sluta skicka sms", "lopettakaa viestien lähettäminen", "nie chcę otrzymywać wiadomości", "proszę usunąć mój numer z bazy", "przestańcie pisać",
    "přestaňte mi psát", "nu mai vreau să primesc mesaje", "ne küldjenek több üzenetet", "bana mesaj atmayın", "lütfen mesaj göndermeyin",
    "не пишите мне больше", "прекратите слать смс", "удалите мой номер из базы", "не пишіть мені", "σταματήστε να μου στέλνετε μηνύματα",
    "תפסיקו לשלוח לי הודעות", "لا ترسلوا لي رسائل", "मुझे मैसेज मत भेजो", "mujhe message mat bhejo", "不要再给我发短信了", "请停止发送短信",
    "もう送らないでください", "メールの配信を停止してください", "더 이상 문자 보내지 마세요", "jangan kirim pesan lagi", "đừng nhắn tin cho tôi nữa", "อย่าส่งข้อความมาอีก", "huwag na kayong mag text sa akin",
  } },
  { meaning = "review", text = {
    "stop texting me until tomorrow", "wrong number", "not interested", "Stop. I'm driving right now", "email me instead", "I said stop and you kept on with it",
  } },
  { meaning = "none", text = {
    "can you stop by at 5?", "don't stop sending these", "cancel my appointment", "please cancel my order", "the bus stop is across the street", "I can't stop laughing",
    "what time does it end?", "the end of the month works for me", "please call me tomorrow at nine", "text me when you get here", "no problem", "see you tomorrow",
    "I quit smoking last year", "is there a bus stop nearby?", "why did you stop selling the red one?", "how do I start?", "can I get more info on the house?",
  } },
}
