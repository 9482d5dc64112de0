"""Addresses of the books: the day, breaks, approvals, runs and statement files."""

from datetime import date

from django.urls import path, register_converter

from reconciliation.views import (
    approvals,
    batches,
    board,
    breaks,
    days,
    file_answers,
    found_money,
    late,
    rates,
    rules,
    runs,
    statements,
    steps,
    story,
    undos,
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
    path("breaks/late/", late.listed, name="late"),
    path("breaks/filters/", breaks.save_filter, name="save_filter"),
    path("breaks/<slug:public_id>/", breaks.story, name="break"),
    path("breaks/<slug:public_id>/propose/", breaks.propose, name="propose"),
    path("breaks/<slug:public_id>/<slug:step>/", steps.take, name="step"),
    path("letters/<slug:public_id>/", steps.answer_letter, name="letter"),
    path("credits/", found_money.listed, name="credits"),
    path("credits/<slug:public_id>/", found_money.story, name="credit"),
    path("credits/<slug:public_id>/assign/", found_money.assign, name="assign"),
    path("credits/<slug:public_id>/take-back/", found_money.take_back, name="take_back"),
    path("suspense/", found_money.suspense, name="suspense"),
    path("suspense/<slug:reference>/", found_money.name, name="name_payment"),
    path("approvals/", approvals.listed, name="approvals"),
    path("approvals/<slug:public_id>/", approvals.answer, name="answer"),
    path("batches/", batches.listed, name="batches"),
    path("batches/new/", batches.ask, name="ask_batch"),
    path("batches/sheet.xlsx", batches.sheet, name="batch_sheet"),
    path("batches/upload/", batches.upload, name="batch_upload"),
    path("batches/<slug:public_id>/", batches.story, name="batch"),
    path("batches/<slug:public_id>/state/", batches.state, name="batch_state"),
    path("batches/<slug:public_id>/answer/", batches.answer, name="answer_batch"),
    path("batches/<slug:public_id>/answers.xlsx", batches.result, name="batch_result"),
    path("undos/", undos.listed, name="undos"),
    path("undos/new/", undos.ask, name="ask_undo"),
    path("undos/<slug:public_id>/", undos.story, name="undo"),
    path("undos/<slug:public_id>/state/", undos.state, name="undo_state"),
    path("undos/<slug:public_id>/answer/", undos.answer, name="answer_undo"),
    path("payments/<slug:reference>/", story.payment, name="payment"),
    path("rates/", rates.listed, name="rates"),
    path("rates/<slug:channel>/", rates.story, name="rate_card"),
    path("rates/<slug:channel>/new/", rates.write, name="write_rates"),
    path("rates/<slug:channel>/<int:number>/", rates.card, name="proposed_rates"),
    path("rates/<slug:channel>/<int:number>/answer/", rates.answer, name="answer_rates"),
    path("rates/<slug:channel>/claim/<business_date:month>/", rates.claim, name="claim_fees"),
    path("rules/", rules.listed, name="rules"),
    path("rules/new/", rules.begin, name="begin_rule"),
    path("rules/<slug:code>/", rules.story, name="rule"),
    path("rules/<slug:code>/new/", rules.write, name="write_rule"),
    path("rules/<slug:code>/count/", rules.count_now, name="count_rule"),
    path("rules/<slug:code>/<int:version>/", rules.version, name="rule_version"),
    path("rules/<slug:code>/<int:version>/change/", rules.change, name="change_rule"),
    path("rules/<slug:code>/<int:version>/try/", rules.try_over, name="try_rule"),
    path("rules/<slug:code>/<int:version>/tried/", rules.tried, name="rule_tried"),
    path("rules/<slug:code>/<int:version>/propose/", rules.propose, name="propose_rule"),
    path("rules/<slug:code>/<int:version>/answer/", rules.answer, name="answer_rule"),
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
