"""PyPI fbmessenger, with only its base URL changed. It gives errors back and raises nothing."""

import fbmessenger
from fbmessenger import elements, sender_actions

from common import BASE, BLOCKED, FREE

client = fbmessenger.MessengerClient("TOKEN", app_secret="SECRET")
client.graph_url = f"{BASE}/v20.0"


def send(to):
    return client.send(elements.Text(f"hello, not {BLOCKED}").to_dict(), to)


assert send(FREE)["message_id"] == "m_X"
error = send(BLOCKED)["error"]
assert (error["code"], error["error_subcode"], error["is_transient"]) == (551, 1545041, False), error
assert "do-not-disturb" in error["message"], error
error = send(f"{FREE},{BLOCKED}")["error"]
assert error["code"] == 100, error

# What contacts nobody.
assert "error" not in client.send_action(sender_actions.SenderAction("typing_on").to_dict(), BLOCKED)
assert "error" not in client.set_messenger_profile({"get_started": {"payload": "start"}})
assert "error" not in client.get_user_data(BLOCKED)
