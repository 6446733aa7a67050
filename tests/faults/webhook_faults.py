"""Is a partner's program told of everything, whatever dies, and of nothing under two ids?"""

from __future__ import annotations

from collections import Counter
from functools import partial

from tests.e2e.exchange import eventually
from tests.faults.proxy import Net
from tests.faults.site import Site
from tests.faults.trial import Trial


def tried(site: Site) -> Counter[str]:
    """Unfinished deliveries by what their last attempt met."""
    with site.database() as database:
        found = database["webhook_deliveries"].find({"state": "pending", "last_error": {"$exists": True}})
        return Counter(each["last_error"] for each in found)


def met(site: Site, words: str) -> bool:
    """Whether a call, tried again at once, has met just this."""
    site.call_now()
    return tried(site)[words] > 0


def test_each_event_is_one_call_and_a_receiver_that_is_away_gets_them_later(trial: Trial) -> None:
    site = trial.site
    before = Counter(site.receiver.calls)
    with trial.whole(32, "webhooks without a fault"):
        trial.send(trial.number(3, 30))
    told = Counter(site.receiver.calls) - before
    assert told, "somebody was told of new referrals"
    assert set(told.values()) == {1}, "each once"
    with trial.whole(32, "the receiver of webhooks is away, then answers 503, then hangs up"):
        site.nets["webhooks"].set(Net.CUT)
        trial.send(trial.number(2, 20))
        eventually(lambda: tried(site).total() > 0, "calls met nobody", 60)
        site.nets["webhooks"].set(Net.PASS)
        for status, words in ((503, "the receiver answered 503"), (None, "no connection: RemoteProtocolError")):
            site.receiver.status = status
            trial.send(trial.number(2, 20))
            eventually(partial(met, site, words), words, 60)


def test_a_kill_while_calls_are_on_the_way(trial: Trial) -> None:
    """What a dead sender had in hand is called again when its lease ends, under the ids that the receiver has seen."""
    site = trial.site
    for number in range(trial.number(1, 10)):
        restarts, before = site.restarts("webhooks"), Counter(site.receiver.calls)
        with trial.whole(32, f"kill -9 of webhooks while a receiver holds back its answers ({number + 1})"):
            site.receiver.answers.clear()
            trial.send(trial.number(3, 30))
            eventually(lambda before=before: Counter(site.receiver.calls) != before, "calls arrive", 60)  # type: ignore[misc]
            site.kill("webhooks")
            site.back("webhooks", restarts)
        again = Counter(site.receiver.calls) - before
        assert max(again.values()) == 2, "what was in hand came again, once"
