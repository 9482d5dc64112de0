"""Money, days, ages, states and links as the template tags write them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django import forms
from django.template import Context, Template
from django.test import RequestFactory
from django.utils.translation import override

from cspdcl.ui.looks import Look
from cspdcl.ui.templatetags import ui

HOSTILE = '"><script>alert(1)</script>'
SAFE = "&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"


def rendered(source: str, query: str = "", **values: Any) -> str:
    request = RequestFactory().get(f"/list/{query}")
    return Template("{% load ui %}" + source).render(Context({"request": request, **values}))


# ---- money and counts ----


@pytest.mark.parametrize(
    ("paise", "whole", "part"),
    [
        (0, "0", "00"),
        (5, "0", "05"),
        (99_999, "999", "99"),
        (100_000, "1,000", "00"),
        (123456700, "12,34,567", "00"),
        (36815442000, "36,81,54,420", "00"),
        (-118050, "\u22121,180", "50"),
        (-1, "\u22120", "01"),
    ],
)
def test_money_is_grouped_the_indian_way_with_quiet_paise(paise, whole, part):
    assert ui.money(paise) == f'<span class="money">{whole}<span class="ps">.{part}</span></span>'


def test_money_may_be_strong_and_big():
    assert rendered('{{ 3700|money:"strong big" }}') == (
        '<span class="money is-strong is-big">37<span class="ps">.00</span></span>'
    )


def test_a_look_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="expected strong or big"):
        ui.money(1, HOSTILE)


def test_no_amount_is_a_dash_and_not_a_zero():
    assert rendered("{{ nothing|money }}", nothing=None) == "\u2013"
    assert ui.rupees(None) == ui.count(None) == "\u2013"


@pytest.mark.parametrize("wrong", [1.5, "100", True, HOSTILE])
def test_money_that_is_no_whole_number_is_refused(wrong):
    for tag in (ui.money, ui.rupees, ui.count):
        with pytest.raises(TypeError, match="expected a whole number"):
            tag(wrong)


def test_rupees_are_plain_words_for_a_sentence():
    assert ui.rupees(-1250000) == "\u221212,500.00"


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (999, "999"), (1000, "1,000"), (220146, "2,20,146"), (-1234567, "\u221212,34,567")],
)
def test_a_count_is_grouped_the_indian_way(number, shown):
    assert ui.count(number) == shown


# ---- days, instants, ages ----


def test_an_instant_is_shown_in_indian_time():
    at = datetime(2026, 8, 18, 19, 0, 5, tzinfo=UTC)

    assert ui.instant(at) == "19-08-2026 00:30:05"
    assert ui.instant(at, "minute") == "19-08-2026 00:30"
    assert ui.instant(at, "short") == "19-08 00:30:05"
    assert ui.instant(at, "clock") == "00:30"


def test_the_day_of_an_instant_is_its_day_in_india():
    assert ui.day(datetime(2026, 8, 18, 19, 0, tzinfo=UTC)) == "19-08-2026"
    assert ui.day(date(2026, 8, 18)) == "18-08-2026"
    assert ui.day(None) == ui.instant(None) == "\u2013"


def test_an_instant_without_a_zone_is_refused():
    naive = datetime(2026, 8, 18, 19, 0, tzinfo=UTC).replace(tzinfo=None)
    for tag in (ui.day, ui.instant, ui.ago):
        with pytest.raises(ValueError, match="without a time zone"):
            tag(naive)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=35), "35 s"),
        (timedelta(minutes=42, seconds=59), "42 min"),
        (timedelta(hours=1, minutes=42), "1 h 42 min"),
        (timedelta(hours=3), "3 h"),
        (timedelta(hours=25), "1 day"),
        (timedelta(days=2, hours=23), "2 days"),
        (timedelta(days=1500), "1,500 days"),
        (-timedelta(hours=1, minutes=18), "in 1 h 18 min"),
        (0, "0 days"),
        (1, "1 day"),
        (9, "9 days"),
    ],
)
def test_an_age_is_in_plain_words(length, words):
    assert ui.age(length) == words


def test_ago_counts_from_now_and_days_in_india():
    with time_machine.travel(datetime(2026, 8, 18, 19, 0, tzinfo=UTC), tick=False):
        assert ui.ago(datetime(2026, 8, 18, 17, 18, tzinfo=UTC)) == "1 h 42 min"
        assert ui.ago(date(2026, 8, 19)) == "today"
        assert ui.ago(date(2026, 8, 10)) == "9 days"
        assert ui.ago(date(2026, 8, 20)) == "in 1 day"


def test_ages_speak_hindi_too():
    with override("hi"):
        assert ui.age(2) == "2 दिन"
        assert ui.age(timedelta(hours=1, minutes=42)) == "1 घं 42 मि"


# ---- states ----


def test_a_state_is_a_word_an_icon_and_a_tone():
    looks = {"open": Look("Open", "open")}

    assert rendered('{% state "open" looks note="2 days" %}', looks=looks) == (
        '<span class="state state-open">'
        '<i class="ti ti-alert-triangle" aria-hidden="true"></i>Open 2 days</span>'
    )


def test_a_plain_state_with_its_own_icon():
    assert ui.state_chip("proves", "ok", icon="scale", plain=True) == (
        '<span class="state state-ok is-plain">'
        '<i class="ti ti-scale" aria-hidden="true"></i>proves</span>'
    )


def test_an_unknown_state_stands_out_and_is_escaped():
    shown = rendered("{% state code looks %}", code=HOSTILE, looks={})

    assert shown == (
        f'<span class="state state-open"><i class="ti ti-help" aria-hidden="true"></i>{SAFE}</span>'
    )


def test_hostile_words_and_notes_are_escaped():
    shown = ui.state_chip(HOSTILE, "bad", icon=HOSTILE, note=HOSTILE)

    assert "<script" not in shown
    assert shown.count(SAFE) == 3


def test_an_unknown_tone_is_refused():
    with pytest.raises(ValueError, match="expected one of"):
        ui.state_chip("word", "purple")


def test_initials_are_two_letters_at_most():
    assert ui.initials("sample clerk one") == "SC"
    assert ui.initials("finance.officer") == "FO"
    assert ui.initials("") == ""


# ---- links that keep the query string ----


def test_sorting_turns_round_and_begins_at_page_one():
    source = '{% sorted_query "amount" %}'

    assert rendered(source, "?state=open&page=4") == "?state=open&amp;sort=amount"
    assert rendered(source, "?sort=amount") == "?sort=-amount"
    assert rendered(source, "?sort=-amount") == "?sort=amount"


def test_the_order_of_a_column_is_said():
    source = '{% sort_order "amount" %}'

    assert rendered(source, "?sort=amount") == "ascending"
    assert rendered(source, "?sort=-amount") == "descending"
    assert rendered(source, "?sort=taken") == "none"


def test_a_filter_value_is_added_and_taken_off():
    source = '{% toggled_query "state" "open" %}'

    assert rendered(source, "?state=late&page=2") == "?state=late&amp;state=open"
    assert rendered(source, "?state=late&state=open") == "?state=late"
    assert rendered(source, "?state=open") == "?"


def test_hidden_fields_carry_the_query_escaped():
    shown = rendered('{% hidden_query "q" %}', "?q=1&page=3&state=%22%3E%3Cscript%3E")

    assert shown == '<input type="hidden" name="state" value="&quot;&gt;&lt;script&gt;">'


def test_the_filter_bar_shows_what_is_on_and_how_to_take_it_off():
    filters = [
        {"name": "state", "label": "State", "choices": [{"value": "open", "label": HOSTILE}]},
        {"name": "least", "label": "At least", "kind": "amount"},
    ]
    exports = [{"url": "/out.xlsx", "label": "Excel"}]

    shown = rendered(
        "{% filter_bar filters exports %}",
        "?state=open&least=%22%3E%3Cscript%3E&sort=amount&page=2",
        filters=filters,
        exports=exports,
    )

    assert "<script" not in shown
    assert '<a class="chip is-on" href="?least=%22%3E%3Cscript%3E&amp;sort=amount">' in shown
    assert '<input type="hidden" name="state" value="open">' in shown
    assert '<input type="hidden" name="sort" value="amount">' in shown
    assert 'href="?sort=amount"' in shown
    assert "/out.xlsx?state=open&amp;least=%22%3E%3Cscript%3E&amp;sort=amount" in shown


# ---- fields and charts ----


class AmountForm(forms.Form):
    amount = forms.CharField(label=HOSTILE, help_text=HOSTILE)
    is_seen = forms.BooleanField(required=False)

    def clean_amount(self):
        raise forms.ValidationError(HOSTILE)


def test_the_error_stands_at_the_field_and_what_was_typed_is_kept():
    form = AmountForm({"amount": HOSTILE})

    shown = rendered(
        '{% include "components/field.html" with field=form.amount look="amount" %}', form=form
    )

    assert "<script" not in shown
    assert f'value="{SAFE}"' in shown
    assert 'class="form-control amount-input is-invalid"' in shown
    assert 'aria-invalid="true"' in shown
    assert 'aria-describedby="id_amount_helptext id_amount_error"' in shown
    assert 'id="id_amount_error"' in shown
    assert 'id="id_amount_helptext"' in shown


def test_a_tick_box_has_its_label_behind_it():
    shown = rendered(
        '{% include "components/field.html" with field=form.is_seen look="" %}', form=AmountForm()
    )

    assert 'class="form-check-input"' in shown
    assert shown.index("form-check-input") < shown.index("Is seen")


def test_a_chart_is_data_with_its_figures_beside_it():
    spec = {"data": {"values": [{"word": "</script><script>"}]}}

    shown = rendered(
        '{% vega_chart "c" title spec columns=columns rows=rows %}',
        title=HOSTILE,
        spec=spec,
        columns=["Day", "Open"],
        rows=[["18-08", 39], [HOSTILE, 1]],
    )

    assert '<script id="c-spec" type="application/json">' in shown
    assert shown.count("<script") == 1
    assert "\\u003C/script\\u003E" in shown
    assert '<td class="end">39</td>' in shown


def test_money_in_a_template_without_a_request_works_too():
    assert Template("{% load ui %}{{ p|rupees }}").render(Context({"p": 100})) == "1.00"
