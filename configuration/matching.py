"""The rules of matching as the file says them: a rule that reads otherwise is another version."""

from typing import Final

from configuration.agencies import Configuring
from configuration.schema import SECTIONS, Row
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from reconciliation.desk import versions
from reconciliation.models import Rule
from reconciliation.models.rules import FIRST_DAY
from reconciliation.rulebook import rules

SECTION: Final = "rules"
# What the file calls otherwise than the row.
_NAMES: Final = {"active": "is_active"}
_DEFAULTS: Final[Row] = {
    "fallbacks": [],
    "tolerance_paise": 0,
    "window_days": None,
    "direction": Rule.Direction.EITHER,
    "ambiguity": Rule.Ambiguity.NEVER,
    "is_active": True,
}


def apply_rule(row: Row, *, to: Configuring) -> None:
    """Let a rule say what its row says, from today on or from the day that the row names."""
    code, path = row["code"], f"{SECTION}[{row['code']}]"
    given = {_NAMES.get(name, name): value for name, value in row.items()}
    held = Rule.objects.filter(code=code, state=Rule.State.ACTIVE).first()
    if held is None and (missing := SECTIONS[SECTION].required - row.keys()):
        for name in sorted(missing):
            to.refuse(f"{path}.{name}: is required for a new rule")
        return
    before = rules.content_of(held) if held else _DEFAULTS
    content = {name: given.get(name, before.get(name)) for name in rules.CONTENT}
    if held is not None and content == before:
        return
    try:
        versions.install(
            code,
            content=content,
            effective_from=given.get("effective_from") or (today() if held else FIRST_DAY),
            reason="configuration file",
        )
    except DomainError as refused:
        to.refuse(f"{path}.{getattr(refused, 'field', '') or 'code'}: {refused}")
        return
    if held is None:
        to.added("rule", code)
    for name in rules.CONTENT:
        if held is not None and content[name] != before[name]:
            to.tell("rule", code, name.removeprefix("is_"), before[name], content[name])
