"""The Celery app and the system's timetable, on one page.

PostgreSQL is the queue of record. A task carries an id or nothing, may run twice, and may be lost:
each line of the timetable is also the sweep that finds what a lost task left undone.
"""

import contextlib
import os
from typing import Any

from celery import Celery, Task
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cspdcl.settings")


class NotedTask(Task):  # type: ignore[misc]  # celery has no types
    """A task whose last success the operator sees; one that only fails grows old there."""

    def on_success(self, *_told: Any) -> None:
        """Note it, if the database is there: a task that did its work has not failed for that."""
        from django.db import DatabaseError, InterfaceError  # noqa: PLC0415 - apps are ready now

        from people import heartbeats  # noqa: PLC0415

        with contextlib.suppress(DatabaseError, InterfaceError):
            heartbeats.note_job(self.name)


app = Celery("cspdcl", task_cls=NotedTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

app.conf.beat_schedule = {
    # What the doorbell should have rung for; two seconds is what a lost ring may cost.
    "drain the inbox": {"task": "payments.tasks.drain_inbox", "schedule": 2.0},
    "seal the audit trail": {"task": "people.tasks.seal_audit", "schedule": 10.0},
    "anchor the audit trail": {"task": "people.tasks.anchor_audit", "schedule": 300.0},
    # What the door should have rung for, and what a partner has not acknowledged yet.
    "answer who waits": {
        "task": "enquiries.tasks.send_owed_replies",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    # A rung is due within seconds; a sweep that is late does not wait behind the next one.
    "ask for unknown money": {
        "task": "enquiries.tasks.climb_ladders",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "send and follow refunds": {
        "task": "refunds.tasks.send_refunds",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "answer disputes": {
        "task": "refunds.tasks.watch_disputes",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "hear silent channels": {
        "task": "enquiries.tasks.watch_channels",
        "schedule": 120.0,
        "options": {"expires": 120},
    },
    # Reports that partners offer by their API, once their file is due and has not come.
    "fetch reports that are due": {
        "task": "reconciliation.tasks.fetch_due_reports",
        "schedule": crontab(minute="*/20"),
    },
    # Where a plan says that files lie; each plan has a clock of its own.
    "fetch files of sources": {
        "task": "sources.tasks.fetch_due_plans",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "wipe fetched files": {
        "task": "sources.tasks.wipe_fetched",
        "schedule": crontab(hour=2, minute=50),
    },
    "miss files that are due": {
        "task": "reconciliation.tasks.watch_files",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    "ask for what only reports tell of": {
        "task": "reconciliation.tasks.follow_listed",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    "count what rules matched": {
        "task": "reconciliation.tasks.count_what_rules_matched",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    "try rules that nobody has tried": {
        "task": "reconciliation.tasks.take_up_back_tests",
        "schedule": 120.0,
        "options": {"expires": 120},
    },
    "scan what is quarantined": {
        "task": "attachments.tasks.scan_again",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    # Nothing rings for what leaves the house: five seconds are soon enough for an SMS.
    "send what leaves the house": {
        "task": "outgoing.tasks.deliver",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "wipe what was sent long ago": {
        "task": "outgoing.tasks.wipe",
        "schedule": crontab(hour=2, minute=40),
    },
    "beat is alive": {"task": "people.tasks.note_heartbeat", "schedule": 30.0},
    "end holds of agencies": {"task": "agencies.tasks.end_holds", "schedule": 60.0},
    "forget used nonces": {"task": "agencies.tasks.forget_nonces", "schedule": 300.0},
    # 06:15 in India: yesterday's files are in. Days that were missed are run too.
    "reconcile yesterday": {
        "task": "reconciliation.tasks.reconcile_due_days",
        "schedule": crontab(hour=6, minute=15),
    },
    # A run never reads history: once a night everything is worked out anew and compared.
    "verify the books": {
        "task": "reconciliation.tasks.verify_books",
        "schedule": crontab(hour=3, minute=30),
    },
    # What touches a closed day is proposed as its next version, never applied to it.
    "propose restatements": {
        "task": "reconciliation.tasks.propose_restatements",
        "schedule": crontab(minute="*/10"),
    },
    # What a lost task left of a bank's file of returned cheques.
    "apply returned cheques": {
        "task": "counters.tasks.apply_returns",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "undo what is approved": {
        "task": "reconciliation.tasks.carry_out_undos",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "go on with steps for many breaks": {
        "task": "reconciliation.tasks.run_batches",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "clear cheques that stayed paid": {
        "task": "reconciliation.tasks.clear_papers",
        "schedule": crontab(hour=6, minute=45),
    },
    # Also what a run of today has proved anew; a day whose files are newer is left alone.
    "write the day reports": {
        "task": "reports.tasks.write_day_reports",
        "schedule": crontab(minute="*/15"),
    },
}
