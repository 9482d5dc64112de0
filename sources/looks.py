"""How what is agreed with sources reads on a page."""

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from channels_.models import FileSource, StatementFile
from cspdcl.ui.looks import Look
from sources.models import Fetch, FetchedFile, FetchPlan
from sources.models import Mapping as Version

FETCHES: Final[Mapping[str, Look]] = {
    Fetch.State.RUNNING: Look(_("works now"), "wait"),
    Fetch.State.DONE: Look(_("done"), "ok"),
    Fetch.State.FAILED: Look(_("failed"), "bad"),
}

FETCHED: Final[Mapping[str, Look]] = {
    FetchedFile.Outcome.LOADED: Look(_("loaded"), "ok"),
    FetchedFile.Outcome.WAITING: Look(_("waits for a second person"), "prop"),
    FetchedFile.Outcome.REFUSED: Look(_("refused"), "bad"),
    FetchedFile.Outcome.KNOWN: Look(_("was here already"), ""),
}

FILES: Final[Mapping[str, Look]] = {
    StatementFile.State.LOADED: Look(_("loaded"), "ok"),
    StatementFile.State.WAITING: Look(_("waits for a second person"), "prop"),
    StatementFile.State.REFUSED: Look(_("refused"), "bad"),
}


MAPPINGS: Final[Mapping[str, Look]] = {
    Version.State.DRAFT: Look(_("draft"), "wait"),
    Version.State.PROPOSED: Look(_("waits for a second person"), "prop"),
    Version.State.LIVE: Look(_("in force"), "ok"),
    Version.State.RETIRED: Look(_("replaced"), ""),
    Version.State.REJECTED: Look(_("rejected"), "bad"),
}


def owed(source: FileSource) -> str:
    """What a source owes, as a sentence."""
    if source.file_due_at is None:
        return _t("No file is owed.")
    days, at = source.file_due_days, f"{source.file_due_at:%H:%M}"
    if source.file_days == FileSource.Days.WORKING:
        words = ngettext(
            "Of every working day, by %(at)s %(n)s working day later.",
            "Of every working day, by %(at)s %(n)s working days later.",
            days,
        )
    else:
        words = ngettext(
            "Of every day, by %(at)s %(n)s day later.",
            "Of every day, by %(at)s %(n)s days later.",
            days,
        )
    return words % {"at": at, "n": days}


def clock(plan: FetchPlan) -> str:
    """When a plan is followed."""
    if not plan.is_active:
        return _t("switched off")
    if plan.at is not None:
        return _t("every day at %(at)s") % {"at": f"{plan.at:%H:%M}"}
    words = ngettext("every %(n)s minute", "every %(n)s minutes", plan.every_minutes or 0)
    return words % {"n": plan.every_minutes}
