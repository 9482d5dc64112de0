"""Signs of life: who said when that it lives, and which job came to its end."""

import time
from typing import Final

from cspdcl.kernel.clock import now
from people.models import Heartbeat

JOB: Final = "job:"  # what the names of the timetable's jobs begin with
_NAME_MAX: Final = 40
_JOB_SAYS_SO_EVERY: Final = 10.0  # seconds; some jobs end every two

_last: dict[str, float] = {}


def note(name: str) -> None:
    """Say that a part of the system lives."""
    Heartbeat.objects.update_or_create(name=name[:_NAME_MAX], defaults={"at": now()})


def note_job(task: str) -> None:
    """Say that a job came to its end; at most every few seconds of one process."""
    name, moment = job_name(task), time.monotonic()
    if moment - _last.get(name, moment - _JOB_SAYS_SO_EVERY) >= _JOB_SAYS_SO_EVERY:
        _last[name] = moment
        note(name)


def job_name(task: str) -> str:
    """Under which name a job's sign of life is kept."""
    return f"{JOB}{task.rpartition('.')[2]}"[:_NAME_MAX]
