"""What the checks of all SDKs share."""

import json
import os
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor

# The gateway's address with the provider's prefix.
BASE = os.environ["BASE"]
# Somebody who may be reached and somebody who opted out.
FREE = os.environ["FREE"]
BLOCKED = os.environ["BLOCKED"]

SENDS = 1000
THREADS = 8


def raises(kind, act):
    """The exception of that kind, which must come."""
    try:
        act()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__} was raised")


def opt_out():
    """Posts the webhook with which the provider reports the opt-out, signed by whoever started this."""
    webhook = json.loads(os.environ["WEBHOOK"])
    request = urllib.request.Request(webhook["url"], webhook["body"].encode(), webhook["headers"])
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200, answer.status


def last_metre(send):
    """1,000 sends to one person who opts out halfway. `send(text)` says whether the message went out.

    Each text says whether the send began before the opt-out was acknowledged or after, so that whoever sees
    what reached the provider can tell without comparing clocks.
    """
    acknowledged = threading.Event()

    def one(number):
        if number == SENDS // 2:
            opt_out()
            acknowledged.set()
        when = "after" if acknowledged.is_set() else "before"
        return when, send(f"{when} {number}")

    with ThreadPoolExecutor(THREADS) as pool:
        outcomes = list(pool.map(one, range(SENDS)))
    went_out = sum(went for _, went in outcomes)
    after = [went for when, went in outcomes if when == "after"]
    assert len(outcomes) == SENDS
    assert after and not any(after), f"{sum(after)} of {len(after)} went out after the opt-out"
    print(json.dumps({"went_out": went_out, "after": len(after)}))
