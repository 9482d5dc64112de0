"""Configuration as a file: what it makes, what it refuses, and that twice changes nothing."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command

from agencies import keys
from agencies.doors import door
from agencies.models import Agency, AgencyKey
from channels_.models import BankAccount, BankLineRule, Channel, FeeRate
from channels_.secrets import secrets_of
from configuration import export
from configuration.actions import apply, wanted_secrets
from configuration.schema import ConfigurationRefused
from payments.models import Counter
from people.access import offices_of, roles_of
from people.auth import ApiKeyAuthentication, new_api_key
from people.models import AuditEvent, Office, User
from reconciliation.models import Rule

pytestmark = pytest.mark.django_db

DEMO = Path(django_settings.BASE_DIR) / "configuration" / "demo.toml"


def read(text: str) -> dict[str, Any]:
    return tomllib.loads(text, parse_float=Decimal)


def demo() -> dict[str, Any]:
    return read(DEMO.read_text())


def secrets() -> dict[str, str]:
    names = wanted_secrets(demo())
    return {name: new_api_key() if "KEY_INT" in name else f"secret of {name}" for name in names}


def lines(document: dict[str, Any], given: dict[str, str] | None = None, **options) -> list[str]:
    made = apply(document, actor="system", secrets=given or {}, **options)
    return [str(change) for change in made]


OFFICES = """
[[offices]]
code = "HQ"
name = "Head office"
kind = "company"
[[offices]]
code = "Z1"
name = "Zone 1"
kind = "zone"
parent = "HQ"
"""


RULE = """
[[rules]]
code = "of-this-test"
priority = 6
leg = "channel_bank"
key = "utr"
cardinality = "many_to_one"
"""


def test_the_demo_is_made_whole_and_the_second_time_changes_nothing():
    given = secrets()

    first = lines(demo(), given)
    events = AuditEvent.objects.count()
    second = lines(demo(), given)

    assert "+ office RPR-Z1 Raipur Zone 1" in first
    assert "~ user clerk password set" in first
    assert second == []
    assert AuditEvent.objects.count() == events > 50
    assert Office.objects.get(code="RPR-Z1").path == "/CSPDCL/RPR-R/RPR-C/RPR-D/RPR-S/RPR-Z1/"
    assert Counter.objects.count() == 7
    assert FeeRate.objects.get(channel__code="razorpay", method="card").percent == Decimal("1.8000")
    assert BankLineRule.objects.filter(words="CASH DEP", channel__code="cash").exists()
    assert secrets_of(Channel.objects.get(code="razorpay")) == [
        {"webhook_secret": "secret of DEMO_RAZORPAY_WEBHOOK_SECRET"}
    ]


def test_the_demo_makes_users_that_can_sign_in(client):
    given = secrets()
    lines(demo(), given)

    clerk = User.objects.get(username="clerk")

    assert clerk.is_demo
    assert roles_of(clerk) == {"clerk"}
    assert [office.code for office in offices_of(clerk)] == ["RPR-Z1"]
    assert client.login(username="clerk", password=given["DEMO_PASSWORD_CLERK"])


def test_a_key_of_the_file_opens_the_api(rf):
    given = secrets()
    lines(demo(), given)
    request = rf.get("/", headers={"Authorization": f"Bearer {given['DEMO_KEY_INTEGRATOR']}"})

    found = ApiKeyAuthentication().authenticate(request)

    assert found is not None
    assert found[0].username == "integrator"


def test_another_key_of_the_same_name_ends_the_first(rf):
    given = secrets()
    lines(demo(), given)

    changed = lines(demo(), given | {"DEMO_KEY_INTEGRATOR": new_api_key()})

    assert changed == ["~ user integrator api_key demo set"]
    assert User.objects.get(username="integrator").api_keys.filter(revoked_at=None).count() == 1


def test_no_secret_stands_in_the_trail_or_in_the_export():
    given = secrets()
    lines(demo(), given)

    told = export.toml(export.document()) + "".join(
        str(e.payload) for e in AuditEvent.objects.all()
    )

    assert not [name for name, value in given.items() if value in told]
    assert "Demo clerk" not in "".join(str(e.payload) for e in AuditEvent.objects.all())


def test_configuring_from_the_export_changes_nothing():
    lines(demo(), secrets())

    exported = export.toml(export.document())

    assert lines(read(exported)) == []
    assert export.toml(export.document()) == exported


def test_a_dry_run_says_the_same_and_keeps_nothing():
    told = lines(read(OFFICES), dry_run=True)

    assert told == ["+ office HQ Head office", "+ office Z1 Zone 1"]
    assert not Office.objects.exists()
    assert not AuditEvent.objects.exists()


def test_a_change_names_what_was_and_what_is():
    lines(demo(), secrets())

    told = lines(read('[[channels]]\ncode = "razorpay"\nsettlement_days = 1\nlive = false'))

    assert told == [
        "~ channel razorpay settlement_days 0 -> 1",
        "~ channel razorpay live yes -> no",
    ]
    event = AuditEvent.objects.get(action="channel.changed", object_id="razorpay")
    assert set(event.changes) == {("settlement_days", "0", "1"), ("is_live", "yes", "no")}


def test_what_the_file_leaves_out_keeps_its_value():
    lines(demo(), secrets())

    assert lines(read('[[channels]]\ncode = "razorpay"\nname = "Razorpay"')) == []
    assert FeeRate.objects.filter(channel__code="razorpay").count() == 3


def test_a_list_in_a_row_is_whole():
    lines(demo(), secrets())

    told = lines(
        read(
            '[[bank_accounts]]\ncode = "hdfc-ecollect"\n'
            '[[bank_accounts.line_rules]]\npriority = 10\nside = "debit"\ncode = "NCHG"\n'
            'meaning = "charge"'
        )
    )

    assert len(told) == 4
    assert all(line.startswith("- line_rule") for line in told)
    account = BankAccount.objects.get(code="hdfc-ecollect")
    assert BankLineRule.objects.filter(account=account).count() == 1


def test_an_office_that_moves_takes_what_is_below_it_along():
    lines(demo(), secrets())

    lines(read('[[offices]]\ncode = "RPR-D"\nparent = "BSP-C"'))

    assert Office.objects.get(code="RPR-Z1").path.startswith("/CSPDCL/BSP-R/BSP-C/RPR-D/RPR-S/")


def test_an_edited_rule_is_a_new_version():
    code = "of-this-test"
    lines(read(RULE))

    told = lines(read(f'[[rules]]\ncode = "{code}"\npriority = 7'))

    assert told == [f"~ rule {code} priority 6 -> 7"]
    assert list(
        Rule.objects.filter(code=code).order_by("version").values_list("version", "state")
    ) == [(1, "retired"), (2, "active")]


def test_a_rule_can_rest_and_come_back():
    code = "of-this-test"
    lines(read(RULE))

    assert lines(read(f'[[rules]]\ncode = "{code}"\nactive = false')) == [
        f"~ rule {code} active yes -> no"
    ]
    assert lines(read(f'[[rules]]\ncode = "{code}"\nactive = true')) == [
        f"~ rule {code} active no -> yes"
    ]
    assert Rule.objects.get(code=code, state="active").is_active


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('colour = "red"', "colour: is no key; expected one of offices, users,"),
        ('[offices]\ncode = "HQ"', "offices: expected tables, each written as [[offices]]"),
        ('[[offices]]\nname = "x"', "offices[0].code: is required"),
        ('[[offices]]\ncode = "HQ"\nname = "x"', "offices[HQ].kind: is required for a new office"),
        (
            '[[offices]]\ncode = "HQ"\nname = "x"\nkind = "village"',
            (
                "offices[HQ].kind: expected one of company, region, circle, division, "
                "sub_division, zone, got 'village'"
            ),
        ),
        (
            '[[offices]]\ncode = "A/B"\nname = "x"\nkind = "zone"',
            "offices[A/B].code: expected a text like [A-Za-z0-9][A-Za-z0-9_-]*, got 'A/B'",
        ),
        (OFFICES + '[[offices]]\ncode = "Z1"', "offices[Z1]: is there twice"),
        (
            (
                '[[offices]]\ncode = "A"\nname = "a"\nkind = "zone"\nparent = "B"\n'
                '[[offices]]\ncode = "B"\nname = "b"\nkind = "zone"\nparent = "A"'
            ),
            "offices: these stand below each other: A, B",
        ),
        (
            '[[offices]]\ncode = "A"\nname = "a"\nkind = "zone"\nparent = "NO"',
            "offices[A].parent: there is no office NO",
        ),
        (
            '[[users]]\nusername = "u"\nfull_name = "U"\nroles = ["king"]',
            "users[u].roles: expected one of clerk, supervisor,",
        ),
        (
            '[[users]]\nusername = "u"\nfull_name = "U"\nroles = []\npassword = {env = "NOT_SET"}',
            "users[u].password: the environment has no NOT_SET",
        ),
        (
            '[[users]]\nusername = "u"\nfull_name = "U"\nroles = []\npassword = 7',
            'users[u].password: expected a text, or { env = "NAME" }, got something else',
        ),
        (
            (
                '[[users]]\nusername = "u"\nfull_name = "U"\nroles = []\n'
                '[[users.api_keys]]\nname = "k"\nkey = "short"'
            ),
            "users[u].api_keys[k].key: expected 12 letters and digits, a dot, and 32 or more",
        ),
        (
            '[[channels]]\ncode = "x"\nname = "X"\nroute = "deposit"\nadapter = "teleport"',
            "channels[x].adapter: expected one of ",
        ),
        (
            (
                '[[channels]]\ncode = "x"\nname = "X"\nroute = "settlement"\nadapter = "razorpay"\n'
                "live = true"
            ),
            "channels[x].live: needs the secrets webhook_secret",
        ),
        (
            (
                '[[channels]]\ncode = "x"\nname = "X"\nroute = "settlement"\nadapter = "razorpay"\n'
                'secrets = { password = "x" }'
            ),
            "channels[x].secrets.password: x: expected one of",
        ),
        (
            (
                '[[channels]]\ncode = "x"\nname = "X"\nroute = "deposit"\nadapter = "counter"\n'
                'settlement_cutoff = "8 pm"'
            ),
            "channels[x].settlement_cutoff: expected a time such as 20:00, got '8 pm'",
        ),
        (
            (
                '[[channels]]\ncode = "x"\nname = "X"\nroute = "deposit"\nadapter = "counter"\n'
                'settlement_days = "2"'
            ),
            "channels[x].settlement_days: expected a whole number from 0 to 30, got '2'",
        ),
        (
            (
                '[[channels]]\ncode = "x"\nname = "X"\nroute = "deposit"\nadapter = "counter"\n'
                '[[channels.fee_rates]]\nmethod = "card"\npercent = 1.80001'
            ),
            "channels[x].fee_rates[card].percent: expected a number from 0 to 100 with at most 4",
        ),
        (
            '[[counters]]\ncode = "c"\nname = "C"\noffice = "NO"',
            "counters[c].office: there is no office NO",
        ),
        (
            '[[line_rules]]\npriority = 1\nmeaning = "charge"',
            "line_rules[1]: needs meaning, and code or words",
        ),
        (
            (
                '[[bank_accounts]]\ncode = "a"\nname = "A"\nbank = "B"\naccount_number = "1"\n'
                '[[bank_accounts]]\ncode = "b"\nname = "B"\nbank = "B"\naccount_number = "1"'
            ),
            "the database refuses",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_its_path_and_nothing_is_changed(text: str, problem: str):
    with pytest.raises(ConfigurationRefused) as refused:
        lines(read(text))

    assert problem in str(refused.value)
    assert not Office.objects.exists()
    assert not User.objects.exists()
    assert not Channel.objects.exists()
    assert not AuditEvent.objects.exists()


def test_every_problem_is_named_at_once():
    with pytest.raises(ConfigurationRefused) as refused:
        lines(read('[[offices]]\ncode = "A"\nkind = "x"\ncolour = 1\n[[counters]]\nname = "c"'))

    assert [problem.partition(":")[0] for problem in refused.value.problems] == [
        "offices[A].kind",
        "offices[A].colour",
        "counters[0].code",
    ]


def test_production_takes_no_demo_user(settings):
    settings.IS_PRODUCTION = True

    with pytest.raises(ConfigurationRefused, match=r"users\[clerk\].demo: production has no demo"):
        lines(demo(), secrets())

    assert not User.objects.exists()


def test_a_secret_that_is_held_need_not_be_given_again():
    lines(demo(), secrets())

    assert lines(demo()) == []


def test_the_command_shows_and_makes(tmp_path, capsys):
    file = tmp_path / "c.toml"
    file.write_text(OFFICES)

    call_command("configure", str(file), "--dry-run")
    assert capsys.readouterr().out.splitlines() == [
        "+ office HQ Head office",
        "+ office Z1 Zone 1",
        "2 changes would be made; nothing was changed",
    ]
    call_command("configure", str(file))
    assert capsys.readouterr().out.endswith("2 changes made\n")
    call_command("configure", str(file))
    assert capsys.readouterr().out == "no change\n"
    call_command("configure", "--export", str(tmp_path / "e.toml"))
    assert (tmp_path / "e.toml").read_text().startswith('[[offices]]\ncode = "HQ"\n')


@pytest.mark.parametrize("content", ["[[offices", '[[offices]]\ncode = "A"'])
def test_the_command_refuses_in_words(tmp_path, content: str):
    file = tmp_path / "c.toml"
    file.write_text(content)

    with pytest.raises(CommandError, match=r"is not TOML|offices\[A\].kind: is required"):
        call_command("configure", str(file))

    assert not Office.objects.exists()


AGENCY = """
[[channels]]
code = "atp"
name = "ATP machines"
adapter = "agency"
route = "settlement"
live = true
[[agencies]]
code = "atp"
name = "ATP machines"
kind = "atp"
channel = "atp"
offices = ["Z1"]
payment_max_paise = 5000000
opens_at = 06:00:00
closes_at = 22:00:00
float = "credit"
credit_limit_paise = 100000
alarm_paise = 20000
[[agencies.keys]]
id = "ak_atp_1"
secret = { env = "ATP_SECRET" }
capabilities = ["dues", "pay"]
addresses = ["203.0.113.0/24"]
[[agencies.terminals]]
code = "T-1"
place = "Zone office"
office = "Z1"
"""
ATP_SECRET = {"ATP_SECRET": "a secret of an agency in tests"}


def test_an_agency_is_made_whole_and_the_second_time_changes_nothing():
    first = lines(read(OFFICES + AGENCY), ATP_SECRET)
    second = lines(read(OFFICES + AGENCY), ATP_SECRET)
    without = lines(read(OFFICES + AGENCY))

    assert "+ agency atp ATP machines" in first
    assert "~ agency atp key ak_atp_1 set" in first
    assert "+ terminal atp T-1" in first
    assert second == without == []
    agency = Agency.objects.get()
    assert (agency.channel.code, agency.float_account.credit_limit_paise) == ("atp", 100_000)
    assert wanted_secrets(read(OFFICES + AGENCY)) == ["ATP_SECRET"]
    assert "a secret of" not in str(list(AuditEvent.objects.values()))


def test_another_secret_rotates_the_key_of_an_agency():
    lines(read(OFFICES + AGENCY), ATP_SECRET)

    told = lines(read(OFFICES + AGENCY), {"ATP_SECRET": "the next secret of an agency"})

    assert told == ["~ agency atp key ak_atp_1 set"]
    here = door("ak_atp_1")
    assert here is not None
    assert list(here.secrets) == ["the next secret of an agency", ATP_SECRET["ATP_SECRET"]]
    assert here.capabilities == {"dues", "pay"}


def test_a_file_that_has_not_heard_of_a_rotation_does_not_take_it_back():
    lines(read(OFFICES + AGENCY), ATP_SECRET)
    person = User.objects.create_user("operator", full_name="Operator")
    fresh = keys.rotate(AgencyKey.objects.get(), actor=person)

    told = lines(read(OFFICES + AGENCY), ATP_SECRET)

    assert told == []
    here = door("ak_atp_1")
    assert here is not None
    assert list(here.secrets) == [fresh, ATP_SECRET["ATP_SECRET"]]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('adapter = "agency"', 'adapter = "counter"', "agencies[atp].channel: expected a channel"),
        ('float = "credit"', 'float = "prepaid"', "a prepaid float has none"),
        ('["dues", "pay"]', '["dues", "fly"]', "keys[ak_atp_1].capabilities: expected"),
        ("203.0.113.0/24", "203.0.113.1/24", "keys[ak_atp_1]: expected networks"),
        ('{ env = "ATP_SECRET" }', '"short"', "expected a secret of 24"),
        ('{ env = "ATP_SECRET" }', '{ env = "ELSEWHERE" }', "the environment has no ELSEWHERE"),
        ('offices = ["Z1"]', 'offices = ["Z9"]', "there is no office Z9"),
        ("closes_at = 22:00:00", "closes_at = 05:00:00", "agency_opens_before_it_closes"),
        ("payment_max_paise = 5000000", "payment_max_paise = -1", "[atp].payment_max_paise"),
    ],
)  # fmt: skip
def test_an_agency_that_cannot_be_is_refused(old, new, problem):
    assert old in AGENCY
    with pytest.raises(ConfigurationRefused) as refused:
        lines(read(OFFICES + AGENCY.replace(old, new)), ATP_SECRET)

    assert problem in str(refused.value)
    assert not Agency.objects.exists()


def test_an_agency_is_exported_as_it_was_configured():
    lines(read(OFFICES + AGENCY), ATP_SECRET)

    written = export.toml(export.document())

    assert lines(read(written)) == []
    assert "203.0.113.0/24" in written
    assert "secret" not in written
