"""How is a site brought up and down: engines, proxies between, and processes under the supervisor?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from services.cli.session import remember_mode
from services.cli.system import INTAKE_HTTP, specs
from services.engines.bundled.kafka import KafkaBroker
from services.engines.bundled.mail import MailCatcher
from services.engines.bundled.mongod import replica_set
from services.engines.bundled.together import BundledEngines
from services.engines.choose import KAFKA_VARIABLE, MONGO_VARIABLE, SMTP_VARIABLE
from services.engines.locations import LOOPBACK, Home, claim_ports
from services.engines.processes import Timing
from services.engines.supervisor import down, up
from tests.faults.proxy import proxied
from tests.faults.receiver import receiving
from tests.faults.site import Site, told

TIMING = Timing(poll_s=0.5, backoff_most_s=1.0)

#: Which engine each proxy stands before.
PROXIED = {"kafka": "kafka", "mongo": "mongo-1", "smtp": "mail"}


@contextmanager
def running_site(
    root: Path,
    *,
    members: int = 1,
    partners: bool = True,
    settings: Mapping[str, str] | None = None,
    timing: Timing = TIMING,
) -> Iterator[Site]:
    """A site for as long as the block lasts. With several members clients find MongoDB without a proxy."""
    home = Home(root).create()
    with ExitStack() as stack:
        names = ["kafka", "kafka-controller", *(f"mongo-{n}" for n in range(1, members + 1)), "mail", INTAKE_HTTP]
        # These listen before ports are claimed, so that they take none that an engine was promised.
        receiver = stack.enter_context(receiving())
        nets = {name: stack.enter_context(proxied(0)) for name in (*PROXIED, "webhooks")}
        ports = claim_ports(home, names)
        for name, port in PROXIED.items():
            nets[name].target = ports[port]
        nets["webhooks"].target = receiver.port
        mongos = replica_set(home, [ports[f"mongo-{n}"] for n in range(1, members + 1)])
        engines = BundledEngines(
            home,
            [
                KafkaBroker(
                    home=home,
                    port=ports["kafka"],
                    controller_port=ports["kafka-controller"],
                    advertised_port=nets["kafka"].port,
                ),
                *mongos,
                MailCatcher(home=home, port=ports["mail"]),
            ],
        )
        engines.start()
        stack.callback(engines.stop)
        single = f"mongodb://{LOOPBACK}:{nets['mongo'].port}/?directConnection=true"
        addresses = {
            KAFKA_VARIABLE: f"{LOOPBACK}:{nets['kafka'].port}",
            MONGO_VARIABLE: single if members == 1 else mongos[0].address,
            SMTP_VARIABLE: f"{LOOPBACK}:{nets['smtp'].port}",
        }
        more = told(home) | dict(settings or {})
        wanted = specs(sandbox=True, intake_port=ports[INTAKE_HTTP], settings=more)
        start = partial(up, home, wanted, environ={**os.environ, **addresses}, timing=timing)
        site = Site(home, engines, nets, addresses, start, receiver=receiver)
        stack.callback(site.close)
        stack.callback(down, home)
        start()
        remember_mode(home, sandbox=True)
        if partners:
            site.load_partners()
            site.register_webhooks()
        yield site
        assert not receiver.forged, receiver.forged[:5]
