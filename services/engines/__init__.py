"""Where do a Kafka, a MongoDB and a mail server come from on this machine, and who starts and watches the processes?

`choose` decides (given addresses, Docker, bundled), `preflight` says what is missing, `bundled` runs the real engines
from packages, `docker` runs them in containers, `supervisor` brings the whole system up and down.
"""
