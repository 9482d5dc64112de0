"""Who may do what, as data: the roles, and the navigation that each of them sees.

A role is a group named by its code. What a role may do is said where it is done, by
``access.roles`` on the view, and once more, for every address, in tests/policy.toml.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.contrib.auth.models import Group
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One kind of work. Without ``sees_all_offices`` it reaches granted offices and below."""

    code: str
    title: str | Promise
    does: str | Promise
    sees_all_offices: bool = False
    is_machine: bool = False


CLERK: Final = "clerk"
SUPERVISOR: Final = "supervisor"
FINANCE_OFFICER: Final = "finance_officer"
FINANCE_APPROVER: Final = "finance_approver"
AUDITOR: Final = "auditor"
MANAGER: Final = "manager"
OPERATOR: Final = "operator"
ADMINISTRATOR: Final = "administrator"
CHANNEL: Final = "channel"

ROLES: Final[Mapping[str, Role]] = {
    role.code: role
    for role in (
        Role(
            code=CLERK,
            title=_("Counter clerk"),
            does=_("takes payments at a counter and gives receipts"),
        ),
        Role(
            code=SUPERVISOR,
            title=_("Counter supervisor"),
            does=_("watches the counters of the office and makes deposit slips"),
        ),
        Role(
            code=FINANCE_OFFICER,
            title=_("Finance officer"),
            does=_("loads statements, works the breaks, proposes decisions"),
            sees_all_offices=True,
        ),
        Role(
            code=FINANCE_APPROVER,
            title=_("Finance approver"),
            does=_("approves what a finance officer proposed"),
            sees_all_offices=True,
        ),
        Role(
            code=AUDITOR,
            title=_("Auditor"),
            does=_("reads everything, changes nothing"),
            sees_all_offices=True,
        ),
        Role(
            code=MANAGER,
            title=_("Manager"),
            does=_("reads boards and reports"),
            sees_all_offices=True,
        ),
        Role(
            code=OPERATOR,
            title=_("Operator"),
            does=_("keeps channels, files, queues and runs going"),
            sees_all_offices=True,
        ),
        Role(
            code=ADMINISTRATOR,
            title=_("Administrator"),
            does=_("keeps people, offices, channels and rules"),
            sees_all_offices=True,
        ),
        Role(
            code=CHANNEL,
            title=_("Machine"),
            does=_("calls the API with a key"),
            sees_all_offices=True,
            is_machine=True,
        ),
    )
}

SEES_ALL_OFFICES: Final = frozenset(role.code for role in ROLES.values() if role.sees_all_offices)

FINANCE: Final = (FINANCE_OFFICER, FINANCE_APPROVER)
READERS: Final = (*FINANCE, AUDITOR, MANAGER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One line of the navigation. ``counts`` names a hook of ``context.count_by``."""

    view: str
    label: str | Promise
    icon: str
    roles: tuple[str, ...]
    counts: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkGroup:
    """Lines of the navigation under one title."""

    title: str | Promise
    links: Sequence[Link]


# The first line a person sees is also the page they start on.
NAVIGATION: Final[Sequence[LinkGroup]] = (
    LinkGroup(
        title=_("Counter"),
        links=(
            Link(
                view="counters:counter",
                label=_("Take a payment"),
                icon="cash",
                roles=(CLERK, SUPERVISOR),
            ),
            Link(
                view="counters:sheets",
                label=_("Bulk payers"),
                icon="table-import",
                roles=(CLERK, SUPERVISOR),
            ),
            Link(
                view="counters:shift",
                label=_("My shift"),
                icon="lock-open",
                roles=(CLERK, SUPERVISOR),
            ),
            Link(
                view="counters:counters",
                label=_("Counters"),
                icon="building-store",
                roles=(SUPERVISOR,),
            ),
            Link(
                view="counters:shifts",
                label=_("Shifts"),
                icon="users",
                roles=(CLERK, SUPERVISOR),
            ),
            Link(
                view="counters:overrides",
                label=_("Let through"),
                icon="hand-stop",
                roles=(SUPERVISOR,),
                counts="overrides",
            ),
            Link(
                view="counters:papers",
                label=_("Cheques"),
                icon="writing-sign",
                roles=(CLERK, SUPERVISOR),
            ),
            Link(
                view="counters:return_files",
                label=_("Returns"),
                icon="arrow-back-up",
                roles=(SUPERVISOR,),
                counts="returns",
            ),
            Link(
                view="counters:legal",
                label=_("Legal notices"),
                icon="gavel",
                roles=(SUPERVISOR,),
                counts="legal",
            ),
            Link(
                view="counters:history",
                label=_("My history"),
                icon="history",
                roles=(CLERK,),
            ),
            Link(
                view="counters:deposits",
                label=_("Deposit slips"),
                icon="file-dollar",
                roles=(SUPERVISOR,),
            ),
            Link(
                view="counters:office_days",
                label=_("Days of the office"),
                icon="calendar-check",
                roles=(SUPERVISOR,),
                counts="office_days",
            ),
            Link(
                view="counters:safes",
                label=_("Safe"),
                icon="building-bank",
                roles=(SUPERVISOR,),
            ),
            Link(
                view="counters:offline_list",
                label=_("Offline"),
                icon="cloud-off",
                roles=(CLERK, SUPERVISOR),
            ),
            Link(
                view="counters:checks",
                label=_("Surprise checks"),
                icon="eye-check",
                roles=(SUPERVISOR,),
            ),
            Link(
                view="counters:counterfeits",
                label=_("Counterfeit notes"),
                icon="alert-octagon",
                roles=(CLERK, SUPERVISOR),
            ),
            Link(
                view="counters:agreed",
                label=_("Rules of the counters"),
                icon="adjustments",
                roles=(SUPERVISOR,),
            ),
        ),
    ),
    LinkGroup(
        title=_("Day"),
        links=(
            Link(
                view="reconciliation:board",
                label=_("Day board"),
                icon="layout-grid",
                roles=(*READERS, OPERATOR),
            ),
            Link(
                view="reconciliation:breaks",
                label=_("Breaks"),
                icon="link-off",
                roles=READERS,
                counts="breaks",
            ),
            Link(
                view="reconciliation:approvals",
                label=_("Approvals"),
                icon="checkup-list",
                roles=(*FINANCE, AUDITOR),
                counts="approvals",
            ),
            Link(
                view="reconciliation:credits",
                label=_("Unidentified credits"),
                icon="zoom-question",
                roles=(*FINANCE, AUDITOR),
                counts="credits",
            ),
            Link(
                view="payments:payments",
                label=_("Payments"),
                icon="receipt",
                roles=(CLERK, SUPERVISOR, *READERS, OPERATOR),
            ),
            Link(
                view="enquiries:unknown_money",
                label=_("Unknown money"),
                icon="help-hexagon",
                roles=(*FINANCE, AUDITOR, OPERATOR),
                counts="unknown",
            ),
            Link(
                view="refunds:refunds",
                label=_("Refunds"),
                icon="receipt-refund",
                roles=(*FINANCE, AUDITOR, OPERATOR),
                counts="refunds",
            ),
            Link(
                view="refunds:disputes",
                label=_("Disputes"),
                icon="gavel",
                roles=(*FINANCE, AUDITOR, OPERATOR),
                counts="disputes",
            ),
            Link(
                view="refunds:clock",
                label=_("Money to be back"),
                icon="clock-exclamation",
                roles=(*FINANCE, AUDITOR, OPERATOR),
            ),
            Link(
                view="counters:counters",
                label=_("Counters"),
                icon="building-store",
                roles=READERS,
            ),
            Link(
                view="counters:papers",
                label=_("Cheques"),
                icon="writing-sign",
                roles=READERS,
            ),
            Link(
                view="counters:return_files",
                label=_("Returns"),
                icon="arrow-back-up",
                roles=READERS,
                counts="returns",
            ),
            Link(
                view="counters:legal",
                label=_("Legal notices"),
                icon="gavel",
                roles=READERS,
                counts="legal",
            ),
            Link(
                view="counters:shifts",
                label=_("Shifts"),
                icon="users",
                roles=READERS,
            ),
            Link(
                view="counters:safes",
                label=_("Safes"),
                icon="building-bank",
                roles=READERS,
            ),
            Link(
                view="counters:checks",
                label=_("Surprise checks"),
                icon="eye-check",
                roles=READERS,
            ),
            Link(
                view="counters:counterfeits",
                label=_("Counterfeit notes"),
                icon="alert-octagon",
                roles=READERS,
            ),
            Link(
                view="counters:agreed",
                label=_("Rules of the counters"),
                icon="adjustments",
                roles=READERS,
            ),
            Link(
                view="reconciliation:statements",
                label=_("Statement files"),
                icon="file-import",
                roles=(*FINANCE, AUDITOR, OPERATOR),
                counts="files",
            ),
            Link(
                view="sources:sources",
                label=_("Sources of files"),
                icon="inbox",
                roles=(*READERS, OPERATOR, ADMINISTRATOR),
            ),
            Link(
                view="reconciliation:runs",
                label=_("Runs"),
                icon="refresh",
                roles=(*FINANCE, AUDITOR, OPERATOR),
            ),
            Link(
                view="reconciliation:rules",
                label=_("Matching rules"),
                icon="arrows-join",
                roles=(*FINANCE, AUDITOR, OPERATOR),
            ),
            Link(
                view="reconciliation:rates",
                label=_("Rate cards"),
                icon="percentage",
                roles=(*FINANCE, AUDITOR),
            ),
        ),
    ),
    LinkGroup(
        title=_("Proof"),
        links=(
            Link(
                view="reconciliation:day_closes",
                label=_("Closed days"),
                icon="lock",
                roles=(*READERS, OPERATOR),
            ),
            Link(
                view="reports:reports",
                label=_("Reports"),
                icon="report-analytics",
                roles=(SUPERVISOR, *READERS, ADMINISTRATOR),
            ),
            Link(
                view="people:audit",
                label=_("Audit trail"),
                icon="shield-check",
                roles=(AUDITOR, ADMINISTRATOR, FINANCE_APPROVER),
            ),
        ),
    ),
    LinkGroup(
        title=_("Partners"),
        links=(
            Link(
                view="agencies:agencies",
                label=_("Agencies"),
                icon="cash-register",
                roles=(*FINANCE, AUDITOR, OPERATOR, ADMINISTRATOR),
                counts="agencies",
            ),
        ),
    ),
    LinkGroup(
        title=_("System"),
        links=(
            Link(
                view="channels:operator",
                label=_("Operation"),
                icon="activity",
                roles=(OPERATOR, ADMINISTRATOR),
                counts="operator",
            ),
            Link(
                view="outgoing:outgoing",
                label=_("Outgoing"),
                icon="send",
                roles=(OPERATOR, ADMINISTRATOR, SUPERVISOR, *FINANCE, AUDITOR),
                counts="outgoing",
            ),
            Link(
                view="counters:agreed",
                label=_("Rules of the counters"),
                icon="adjustments",
                roles=(ADMINISTRATOR,),
            ),
            Link(
                view="admin:index",
                label=_("Administration"),
                icon="settings",
                roles=(ADMINISTRATOR,),
            ),
        ),
    ),
)


def group_of(code: str) -> Group:
    """The group that carries a role; an unknown code raises KeyError."""
    group, _made = Group.objects.get_or_create(name=ROLES[code].code)
    return group
