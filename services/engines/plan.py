"""What is the supervisor's process told to do, in a file it can read after being started?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from services.engines.choose import Choice
from services.engines.locations import Home, read_json, write_json
from services.engines.processes import Spec, Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The engines' choice, the services, the patience; `project` is the folder of docker-compose.yml.

    The choice's addresses are complete but for the engines that are bundled; `docker_services` were started for it.
    """

    choice: Choice
    specs: Sequence[Spec]
    timing: Timing
    project: Path
    members: int = 1
    docker_services: Sequence[str] = ()


def write_plan(home: Home, plan: Plan) -> None:
    """Keep the plan; only the owner may read it, since a service's environment may hold secrets."""
    write_json(
        home.plan,
        {
            "choice": asdict(plan.choice),
            "specs": [asdict(spec) for spec in plan.specs],
            "timing": asdict(plan.timing),
            "project": str(plan.project),
            "members": plan.members,
            "docker_services": list(plan.docker_services),
        },
    )


def read_plan(home: Home) -> Plan | None:
    """The last plan, or None when there was none."""
    stored = read_json(home.plan)
    if not stored:
        return None
    return Plan(
        choice=Choice(**stored["choice"]),
        specs=[Spec(**spec) for spec in stored["specs"]],
        timing=Timing(**stored["timing"]),
        project=Path(stored["project"]),
        members=stored["members"],
        docker_services=tuple(stored["docker_services"]),
    )
