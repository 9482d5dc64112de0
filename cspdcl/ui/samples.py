"""Made-up values for the gallery of components; nothing here is read by any other page."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from django import forms
from django.core.paginator import Paginator

from cspdcl.ui.looks import Look

LOOKS: Final = {
    "matched": Look("Matched", "ok"),
    "due": Look("Due today 14:00", "wait"),
    "open": Look("Open", "open"),
    "late": Look("Late", "bad", "clock-exclamation"),
    "proposed": Look("Waits for approval", "prop"),
}

COLUMNS: Final = [
    {"label": "Receipt", "sort": "receipt"},
    {"label": "Tender", "is_minor": True},
    {"label": "Taken", "sort": "taken", "is_minor": True},
    {"label": "State"},
    {"label": "Amount, ₹", "sort": "amount", "is_end": True},
]

FILTERS: Final = [
    {
        "name": "state",
        "label": "State",
        "choices": [
            {"value": "open", "label": "Open", "count": 39},
            {"value": "matched", "label": "Matched", "count": 220107},
        ],
    },
    {
        "name": "channel",
        "label": "Channel",
        "choices": [
            {"value": "razorpay", "label": "Razorpay"},
            {"value": "counter", "label": "Cash counters"},
        ],
    },
    {"name": "from", "label": "From", "kind": "day"},
    {"name": "least", "label": "At least, ₹", "kind": "amount"},
]

EXPORTS: Final = [
    {
        "url": "/ui/gallery/",
        "label": "Excel",
        "note": "amounts are numbers",
        "icon": "file-spreadsheet",
    },
    {"url": "/ui/gallery/", "label": "CSV", "note": "for another system", "icon": "file-text"},
]


class ChequeForm(forms.Form):
    """A form with one good field and one that is refused."""

    consumer = forms.CharField(label="Consumer number", help_text="On the bill, ten digits")
    cheque_date = forms.CharField(label="Cheque date")
    bank = forms.ChoiceField(label="Bank", choices=[("sbi", "State Bank of India")])
    amount = forms.CharField(label="Amount, ₹")
    note = forms.CharField(label="Note", required=False)
    is_seen = forms.BooleanField(label="The cheque was seen", required=False)

    def clean_cheque_date(self) -> str:
        """Refuse whatever is typed, to show how a refusal looks."""
        raise forms.ValidationError("Older than 3 months")


class PhotoForm(forms.Form):
    """A picture of a paper; the real field is attachments.forms.PhotoField."""

    photo = forms.FileField(
        label="Photograph of the cheque",
        required=False,
        widget=forms.FileInput(
            attrs={
                "accept": "image/*,application/pdf",
                "capture": "environment",
                "data-photo": "",
            }
        ),
    )


def gallery() -> dict[str, Any]:
    """The context of the gallery page."""
    at = datetime(2026, 8, 18, 5, 44, 9, tzinfo=UTC)
    rows = [_row(number, at=at) for number in range(120)]
    page = Paginator(rows, 5).page(2)
    form = ChequeForm(
        {"consumer": "1000417263", "cheque_date": "12-05-2026", "bank": "sbi", "amount": "18,400"}
    )
    return {
        "looks": LOOKS,
        "columns": COLUMNS,
        "filters": FILTERS,
        "exports": EXPORTS,
        "page": page,
        "foot": [
            {"text": "5 receipts"},
            {"is_minor": True},
            {"is_minor": True},
            {},
            {"paise": sum(row["paise"] for row in page), "is_end": True},
        ],
        "sum_paise": 3681544200,
        "form": form,
        "photo": PhotoForm()["photo"],
        "proof": _proof(),
        "cells": _cells(),
        "books": _books(),
        "events": _events(at),
        "facts": _facts(at),
        "candidate": _candidate(),
        "sums": [
            {"label": "payments, sum", "count": 220146, "paise": 36815442000},
            {"label": "breaks, worth", "count": 39, "paise": 37839000, "tone": "open"},
        ],
        "kpis": [
            {"label": "Collected, ₹", "paise": 36815442000, "note": "18-08-2026"},
            {"label": "Payments", "count": 220146},
            {"label": "Explained", "text": "99.98 %", "note": "39 open"},
        ],
        "nine_days": timedelta(days=9),
        "late_by": timedelta(hours=1, minutes=42),
        "taken_at": at,
        "taken_on": date(2026, 8, 18),
        "chart": _chart(),
        "chart_columns": ["Day", "Open breaks"],
        "chart_rows": [["05-08", 61], ["10-08", 118], ["18-08", 39]],
        "page_keys": [{"label": "Next, back", "keys": ["j", "k"]}],
        "navigation": _navigation(),
        "side_foot": ["Sample officer", "Finance officer"],
        "version": "0.1.0",
        "business_date": date(2026, 8, 19),
        "is_sample_data": True,
    }


def _row(number: int, *, at: datetime) -> dict[str, Any]:
    return {
        "receipt": f"SMPL-{4111 - number:06d}",
        "tender": "cash" if number % 3 else "cheque",
        "at": at - timedelta(minutes=number),
        "state": "open" if number % 7 == 0 else "matched",
        "paise": 126000 + 1711 * number,
    }


def _sum(count: int, paise: int) -> dict[str, int]:
    return {"count": count, "paise": paise}


def _proof() -> list[dict[str, Any]]:
    return [
        {
            "label": "Receipts → channel",
            "opening": _sum(9, 1193600),
            "arrived": _sum(220146, 36815442000),
            "matched": _sum(202881, 33565718800),
            "written_off": _sum(0, 0),
            "closing": _sum(17274, 3250916800),
            "proves": True,
            "note": "17,260 wait for a file",
        },
        {
            "label": "Bank → channel",
            "opening": _sum(5, 17120400),
            "arrived": _sum(61, 30658701415),
            "matched": _sum(62, 27308083615),
            "written_off": _sum(0, 0),
            "closing": _sum(4, 3367738200),
            "proves": False,
            "difference_paise": 1250000,
            "note": "1 credit restated",
            "note_url": "#proof-title",
        },
    ]


def _cells() -> list[dict[str, Any]]:
    return [
        {"url": "#", "tone": "ok", "paise": 981604200, "note": "all matched", "icon": "check"},
        {
            "url": "#",
            "tone": "open",
            "paise": 2184391900,
            "note": "1 open, 1 day",
            "icon": "alert-triangle",
            "share": "99.99 %",
        },
        {
            "url": "#",
            "tone": "wait",
            "text": "not yet",
            "note": "due today 14:00",
            "icon": "hourglass",
        },
        {
            "url": "#",
            "tone": "late",
            "text": "none",
            "note": "file 1 h 42 min late",
            "icon": "clock-exclamation",
        },
    ]


def _books() -> list[dict[str, Any]]:
    return [
        {
            "title": "Our receipt",
            "word": "issued",
            "tone": "ok",
            "paise": 341200,
            "when": "18-08-2026 11:14:09",
            "facts": [
                {"label": "Reference", "text": "SMPL-7K2MQ4-T", "is_id": True},
                {"label": "Receipt", "text": "SMPL-118204", "url": "#", "is_id": True},
            ],
        },
        {
            "title": "Razorpay line",
            "word": "matched",
            "tone": "ok",
            "paise": 341200,
            "when": "file 19-08-2026 06:05, row 412",
            "facts": [
                {"label": "Fee 0.90 %", "paise": -3071},
                {"label": "GST 18 %", "paise": -553},
                {"label": "Net", "paise": 337576},
            ],
            "link": {"text": "same RRN, same amount", "tone": "ok", "url": "#", "label": "rrn"},
        },
        {
            "title": "Bank credit",
            "word": "waits",
            "tone": "open",
            "icon": "hourglass",
            "paise": 0,
            "when": "due 19-08-2026",
            "facts": [{"label": "Expected", "paise": 337576}],
            "link": {
                "text": "no credit yet",
                "tone": "open",
                "url": "#",
                "label": "open 1 day",
            },
        },
    ]


def _events(at: datetime) -> list[dict[str, Any]]:
    return [
        {
            "at": at + timedelta(hours=19),
            "text": "Razorpay line matched",
            "by": "run 4",
            "tone": "ok",
            "proof_url": "#",
            "proof_label": "evidence",
        },
        {
            "at": at,
            "text": "Succeeded; receipt issued for",
            "paise": 341200,
            "by": "notice, signature good",
            "tone": "ok",
            "icon": "receipt",
            "proof_url": "#",
            "proof_label": "raw message",
        },
        {
            "at": at - timedelta(seconds=74),
            "text": "Pending: consumer sent to Razorpay",
            "tone": "wait",
        },
        {
            "at": at - timedelta(seconds=75),
            "text": "Created as",
            "url": "#",
            "link_text": "SMPL-7K",
        },
    ]


def _facts(at: datetime) -> list[dict[str, Any]]:
    return [
        {"label": "Consumer", "text": "1000417263", "url": "#", "is_id": True},
        {"label": "Bill", "paise": 341200},
        {"label": "Taken", "at": at},
        {"label": "Due", "day": at.date()},
        {"label": "Rate card", "word": "fee agrees", "tone": "ok"},
    ]


def _candidate() -> dict[str, Any]:
    return {
        "id": "1",
        "title": "Settlement SMPL8841",
        "note": "1,248 payments",
        "paise": 125009620,
        "is_chosen": True,
        "fields": [
            {"label": "UTR", "value": "N231260819004172", "agrees": True},
            {
                "label": "Amount",
                "value": "12,50,096.20",
                "agrees": False,
                "verdict": "1,180.00 more",
            },
        ],
    }


def _chart() -> dict[str, Any]:
    values = [
        {"day": f"{5 + number:02d}-08", "open": number_open}
        for number, number_open in enumerate(
            [61, 52, 66, 48, 50, 118, 74, 55, 49, 57, 46, 41, 44, 39]
        )
    ]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": {"values": values},
        "width": "container",
        "height": 120,
        "mark": {"type": "bar", "tooltip": True},
        "encoding": {
            "x": {"field": "day", "type": "ordinal", "title": None, "axis": {"labelAngle": 0}},
            "y": {"field": "open", "type": "quantitative", "title": "Open breaks"},
            "opacity": {
                "condition": {"test": "datum.day === '18-08'", "value": 1},
                "value": 0.45,
            },
        },
    }


def _navigation() -> list[dict[str, Any]]:
    gallery_link = {"url": "#", "icon": "components", "label": "Components", "is_current": True}
    return [
        {
            "title": "Work",
            "links": [
                {"url": "#board", "icon": "layout-dashboard", "label": "Day board"},
                {"url": "#breaks", "icon": "puzzle", "label": "Breaks", "count": "39"},
                {"url": "#payments", "icon": "receipt", "label": "Payments"},
            ],
        },
        {
            "title": "Sources",
            "links": [
                {
                    "url": "#files",
                    "icon": "file-import",
                    "label": "Statements",
                    "count": "1 late",
                    "tone": "bad",
                },
                gallery_link,
            ],
        },
    ]
