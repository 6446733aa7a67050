"""How can a test make the mail catcher misbehave as real mail servers do?"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

from services.engines.locations import read_json, write_json

FILE = "faults.json"


class Fault(StrEnum):
    """What goes wrong."""

    REFUSE_RECIPIENT = "refuse_recipient"  # `code` as the answer to RCPT
    REFUSE_MAIL = "refuse_mail"  # `code` as the answer to the final dot; nothing is kept
    DROP_UNKEPT = "drop_unkept"  # the connection is cut after the final dot; nothing is kept
    DROP_KEPT = "drop_kept"  # the mail is kept, then the connection is cut before the 250
    DELAY = "delay"  # the 250 comes `delay_s` late


@dataclass(slots=True, kw_only=True)
class FaultRule:
    """A fault for recipients that match `pattern` (a regular expression, searched), at most `times` times."""

    fault: Fault
    pattern: str = ""
    code: int = 451
    delay_s: float = 0.0
    times: int | None = None

    def strikes(self, recipient: str) -> bool:
        """Whether it hits this recipient now; counts down `times` when it does."""
        if self.times == 0 or not re.search(self.pattern, recipient):
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass(slots=True)
class Faults:
    """The rules in force; `set_faults` in another process replaces them through a file in the mail folder."""

    folder: Path
    rules: list[FaultRule] = field(default_factory=list)
    _seen: int = 0

    def refresh(self) -> None:
        """Read the rules again if the file has changed; cheap enough for every mail."""
        try:
            changed = (self.folder / FILE).stat().st_mtime_ns
        except FileNotFoundError:
            changed = 0
        if changed != self._seen:
            self._seen = changed
            stored = read_json(self.folder / FILE).get("rules", [])
            self.rules = [FaultRule(**{**rule, "fault": Fault(rule["fault"])}) for rule in stored]

    def strike(self, faults: set[Fault], recipient: str) -> FaultRule | None:
        """The first rule of these kinds that hits the recipient."""
        return next((rule for rule in self.rules if rule.fault in faults and rule.strikes(recipient)), None)


def set_faults(folder: Path, *rules: FaultRule) -> None:
    """Make the catcher of `folder` follow these rules from its next mail on; without rules it behaves again."""
    write_json(folder / FILE, {"rules": [asdict(rule) for rule in rules]})
