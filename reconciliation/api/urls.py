"""Addresses of the API of the books."""

from django.urls import path

from reconciliation.api import (
    batches,
    breaks,
    decisions,
    files,
    found_money,
    rules,
    runs,
    stories,
    undos,
)

app_name = "reconciliation-api"

urlpatterns = [
    path("breaks/", breaks.Breaks.as_view(), name="breaks"),
    path("breaks/<str:public_id>/", breaks.BreakDetail.as_view(), name="break"),
    path(
        "breaks/<str:public_id>/candidates/", breaks.Candidates.as_view(), name="break_candidates"
    ),
    path("breaks/<str:public_id>/notes/", breaks.Notes.as_view(), name="break_notes"),
    path("breaks/<str:public_id>/owner/", breaks.Owner.as_view(), name="break_owner"),
    path(
        "breaks/<str:public_id>/decisions/",
        decisions.BreakDecisions.as_view(),
        name="break_decisions",
    ),
    path("escalations/", breaks.Escalations.as_view(), name="escalations"),
    path("decisions/", decisions.Decisions.as_view(), name="decisions"),
    path("decisions/<str:public_id>/", decisions.DecisionDetail.as_view(), name="decision"),
    path(
        "decisions/<str:public_id>/answer/",
        decisions.DecisionAnswer.as_view(),
        name="decision_answer",
    ),
    path("batches/", batches.Batches.as_view(), name="batches"),
    path("batches/preview/", batches.Preview.as_view(), name="batches_preview"),
    path("batches/sheet/", batches.Sheet.as_view(), name="batches_sheet"),
    path("batches/<str:public_id>/", batches.BatchDetail.as_view(), name="batch"),
    path("batches/<str:public_id>/rows/", batches.BatchRows.as_view(), name="batch_rows"),
    path("batches/<str:public_id>/answer/", batches.BatchAnswer.as_view(), name="batch_answer"),
    path("undos/", undos.Undos.as_view(), name="undos"),
    path("undos/<str:public_id>/", undos.UndoDetail.as_view(), name="undo"),
    path("undos/<str:public_id>/answer/", undos.UndoAnswer.as_view(), name="undo_answer"),
    path("payments/<str:reference>/story/", stories.StoryDetail.as_view(), name="story"),
    path("credits/", found_money.Credits.as_view(), name="credits"),
    path("credits/<str:public_id>/assign/", found_money.Assignment.as_view(), name="assign"),
    path("rules/", rules.Rules.as_view(), name="rules"),
    path("rules/<slug:code>/", rules.RuleDetail.as_view(), name="rule"),
    path("runs/", runs.Runs.as_view(), name="runs"),
    path("runs/<str:id>/", runs.RunDetail.as_view(), name="run"),
    path("files/", files.Files.as_view(), name="files"),
]
