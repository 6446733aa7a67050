"""How do the real engines run from Python packages, without Docker and without installing anything?"""

from services.engines.bundled.faults import Fault, FaultRule, set_faults
from services.engines.bundled.spool import MailEntry, MailSpool
from services.engines.bundled.together import BundledEngines, bundled_engines, running_engines
from services.engines.choose import Endpoints

__all__ = [
    "BundledEngines",
    "Endpoints",
    "Fault",
    "FaultRule",
    "MailEntry",
    "MailSpool",
    "bundled_engines",
    "running_engines",
    "set_faults",
]
