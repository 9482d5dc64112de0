"""Limits and terms of breaks as the file says them: applied, exported, refused."""

import tomllib

import pytest

from configuration import export
from configuration.actions import apply
from configuration.schema import ConfigurationRefused
from reconciliation.models import BreakTerm, DecisionLimit

pytestmark = pytest.mark.django_db

FILE = """
[[decision_limits]]
kind = "write_off"
role = "finance_officer"
alone_paise = 100000

[[decision_limits]]
kind = "write_off"
role = "finance_approver"
alone_paise = 0
approve_paise = 5000000

[[break_terms]]
reason = "duplicate"
working_days = 1
escalate_to = "finance_approver"
"""


def test_limits_and_terms_are_as_the_file_says_and_come_out_again() -> None:
    apply(tomllib.loads(FILE), actor="system", secrets={})

    assert DecisionLimit.objects.get(role="finance_approver").approve_paise == 5_000_000
    assert BreakTerm.objects.get().working_days == 1
    out = export.document()
    known = tomllib.loads(FILE)
    assert sorted(out["decision_limits"], key=str) == sorted(known["decision_limits"], key=str)
    assert out["break_terms"] == known["break_terms"]


@pytest.mark.parametrize(
    "text",
    [
        '[[decision_limits]]\nkind = "write_off"\nalone_paise = 1',
        '[[decision_limits]]\nkind = "nonsense"\nrole = "finance_officer"',
        '[[decision_limits]]\nkind = "write_off"\nrole = "clerk"',
        '[[break_terms]]\nreason = "duplicate"',
        '[[break_terms]]\nreason = "duplicate"\nworking_days = -1\nescalate_to = "auditor"',
    ],
)
def test_what_cannot_be_is_refused_whole(text: str) -> None:
    with pytest.raises(ConfigurationRefused):
        apply(tomllib.loads(text), actor="system", secrets={})
    assert not DecisionLimit.objects.exists()
    assert not BreakTerm.objects.exists()
