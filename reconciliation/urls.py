"""Addresses of the books: the day, breaks, approvals, runs and statement files."""

from datetime import date

from django.urls import path, register_converter

from reconciliation.views import (
    approvals,
    board,
    breaks,
    days,
    file_answers,
    found_money,
    runs,
    statements,
    story,
)

app_name = "reconciliation"


class BusinessDate:
    """A business date in an address: YYYY-MM-DD, a day that exists."""

    regex = r"20\d{2}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        """The day; a text that names none leads to no page."""
        return date.fromisoformat(value)

    def to_url(self, value: date | str) -> str:
        """The day as it stands in the address."""
        return value if isinstance(value, str) else value.isoformat()


register_converter(BusinessDate, "business_date")

urlpatterns = [
    path("day/", board.latest, name="board"),
    path("day/<business_date:day>/", board.show, name="board"),
    path("day/<business_date:day>/lines/", board.lines, name="lines"),
    path("day/<business_date:day>/run/", board.start_run, name="start_run"),
    path("day/<business_date:day>/run/state/", board.run_state, name="run_state"),
    path("days/", days.listed, name="day_closes"),
    path("days/<business_date:day>/", days.story, name="day_close"),
    path("days/<business_date:day>/propose/", days.propose, name="propose_close"),
    path("days/<business_date:day>/answer/", days.answer, name="answer_close"),
    path(
        "days/<business_date:day>/certificate-<int:version>/",
        days.certificate,
        name="certificate",
    ),
    path(
        "days/<business_date:day>/certificate-<int:version>.json",
        days.certificate_file,
        name="certificate_file",
    ),
    path("breaks/", breaks.listed, name="breaks"),
    path("breaks/export.<str:kind>", breaks.export, name="breaks_export"),
    path("breaks/<slug:public_id>/", breaks.story, name="break"),
    path("breaks/<slug:public_id>/propose/", breaks.propose, name="propose"),
    path("credits/", found_money.listed, name="credits"),
    path("credits/<slug:public_id>/", found_money.story, name="credit"),
    path("credits/<slug:public_id>/assign/", found_money.assign, name="assign"),
    path("credits/<slug:public_id>/take-back/", found_money.take_back, name="take_back"),
    path("suspense/", found_money.suspense, name="suspense"),
    path("suspense/<slug:reference>/", found_money.name, name="name_payment"),
    path("approvals/", approvals.listed, name="approvals"),
    path("approvals/<slug:public_id>/", approvals.answer, name="answer"),
    path("payments/<slug:reference>/", story.payment, name="payment"),
    path("runs/", runs.listed, name="runs"),
    path("runs/<business_date:day>/<int:number>/", runs.story, name="run"),
    path("statements/", statements.listed, name="statements"),
    path("statements/upload/", statements.upload, name="upload"),
    path("statements/<slug:sha256>/", file_answers.story, name="statement"),
    path("statements/<slug:sha256>/answer/", file_answers.answer, name="answer_file"),
    path("statements/<slug:sha256>/rows/propose/", file_answers.propose, name="propose_rows"),
    path("statements/<slug:sha256>/rows/answer/", file_answers.decide, name="answer_rows"),
    path("statements/<slug:sha256>/correct/", file_answers.correct, name="correct_file"),
]
