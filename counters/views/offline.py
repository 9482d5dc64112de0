"""The counter without a network: the shell that browsers keep, and what they ask and send."""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST, require_safe

from counters import devices, offline, shifts
from counters.models import Device, NumberRange, OfflineItem, Shift
from counters.offline import Envelope
from counters.policy import LAW_CODE, cash_rules
from counters.selectors import devices_visible_to
from counters.views.windows import remembered
from cspdcl.kernel.clock import now, today
from cspdcl.kernel.errors import DomainError, Malformed
from payments import proofs
from payments.models import Counter, Receipt
from payments.selectors import counters_visible_to
from people.access import roles, signed_in
from people.roles import CLERK, SUPERVISOR

P = ParamSpec("P")

# What the shell needs besides the pictures and letters that its style sheets name.
SHELL: Final = (
    "css/tokens.css",
    "css/app.css",
    "css/slip.css",
    "css/offline.css",
    "img/icon.svg",
    "vendor/inter/index.css",
    "vendor/noto-sans-devanagari/index.css",
    "vendor/tabler/tabler.min.css",
    "vendor/icons/tabler-icons.min.css",
    "js/dom.js",
    "js/keys.js",
    "js/menus.js",
    "js/money.js",
    "js/offline/asking.js",
    "js/offline/page.js",
    "js/offline/queue.js",
    "js/offline/signing.js",
    "js/offline/storing.js",
    "js/offline/syncing.js",
)
_WORKER: Final = "sw.js"


# ---- what the browser keeps: nothing of anybody ----


@login_not_required
@require_safe
@cache_control(no_cache=True)
def shell(request: HttpRequest) -> HttpResponse:
    """The page of a counter without a network. It names nobody: browsers keep it."""
    return render(request, "counters/offline.html")


@login_not_required
@require_safe
@cache_control(no_cache=True)
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker of the counter pages; another release is another text, and replaces it."""
    page = render_to_string("counters/offline.html", request=request)
    addresses = sorted({*map(static, SHELL), *(settings.STATIC_URL + name for name in SHELL)})
    version = hashlib.sha256(page.encode())
    for name in (*SHELL, _WORKER):
        version.update(_source(name))
    facts = {
        "version": version.hexdigest()[:16],
        "shell": reverse("counters:offline"),
        "addresses": addresses,
    }
    text = f"const RELEASE = {json.dumps(facts)};\n".encode() + _source(_WORKER)
    return HttpResponse(text, content_type="text/javascript; charset=utf-8")


def _source(name: str) -> bytes:
    found = finders.find(name)
    if found is None:
        raise Http404
    return Path(found).read_bytes()


# ---- what it asks and sends ----


def answers_json(
    view: Callable[Concatenate[HttpRequest, P], Mapping[str, Any]],
) -> Callable[Concatenate[HttpRequest, P], JsonResponse]:
    """Facts become JSON, a refusal its code and words; nothing of it is stored on the way."""

    @wraps(view)
    def answered(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> JsonResponse:
        status = HTTPStatus.OK
        try:
            facts = view(request, *args, **kwargs)
        except DomainError as refusal:
            facts, status = {"code": refusal.code, "detail": str(refusal)}, HTTPStatus.CONFLICT
        except Malformed as error:
            facts, status = {"code": "malformed", "detail": str(error)}, HTTPStatus.BAD_REQUEST
        return JsonResponse(facts, status=status, headers={"Cache-Control": "no-store"})

    return answered


@roles(CLERK, SUPERVISOR)
@require_safe
@answers_json
def state(request: HttpRequest) -> Mapping[str, Any]:
    """Where the window stands: the time here, its device, the clerk's shift, the numbers out."""
    device = _device(request, request.GET.get("device", "")) if "device" in request.GET else None
    here = device.counter if device else _here(request)
    shift = shifts.shift_at(here, clerk=signed_in(request)) if here else None
    out = devices.range_out(device) if device else None
    return {
        "now": now().isoformat(),
        "csrf": get_token(request),
        "counter": _counter_facts(here) if here else None,
        "device": _device_facts(device) if device else None,
        "shift": _shift_facts(shift) if shift else None,
        "numbers": _range_facts(out) if out else None,
    }


@roles(CLERK, SUPERVISOR)
@require_POST
@answers_json
def enrol(request: HttpRequest) -> Mapping[str, Any]:
    """Note the public key of this window."""
    said = _said(request, {"counter", "public_key"})
    here = get_object_or_404(counters_visible_to(request.user), code=said["counter"])
    key = devices.decoded(said["public_key"], most=devices.KEY_BYTES_MAX)
    return {"device": _device_facts(devices.enrol(here, public_key=key, by=signed_in(request)))}


@roles(CLERK, SUPERVISOR)
@require_POST
@answers_json
def numbers(request: HttpRequest) -> Mapping[str, Any]:
    """Reserve numbers for the clerk's open shift, or refill them."""
    device = _device(request, _said(request, {"device"})["device"])
    return {"numbers": _range_facts(devices.reserve(device, clerk=signed_in(request)))}


@roles(CLERK, SUPERVISOR)
@require_POST
@answers_json
def send(request: HttpRequest) -> Mapping[str, Any]:
    """Take the next items of a queue; whoever is signed in may carry them."""
    said = _said(request, {"device", "items"})
    items = said["items"]
    if not isinstance(items, list) or not 1 <= len(items) <= offline.ITEMS_MAX:
        raise Malformed(f"expected 1 to {offline.ITEMS_MAX} items")
    device = _device(request, said["device"])
    envelopes = [_envelope(item) for item in items]
    found = offline.receive(device, envelopes=envelopes, by=signed_in(request))
    return {"results": [_result(item) for item in found]}


@roles(CLERK, SUPERVISOR)
@require_POST
@answers_json
def hand_back(request: HttpRequest) -> Mapping[str, Any]:
    """End the numbers of this window; the rest begins the next range."""
    said = _said(request, {"device", "item"})
    device = _device(request, said["device"])
    offline.hand_back(device, envelope=_envelope(said["item"]), by=signed_in(request))
    return {"numbers": None}


def _said(request: HttpRequest, fields: set[str]) -> dict[str, Any]:
    try:
        said = json.loads(request.body)
    except ValueError as error:
        raise Malformed("expected JSON") from error
    if not isinstance(said, dict) or set(said) != fields:
        raise Malformed(f"expected {sorted(fields)}")
    if any(not isinstance(said[name], str) for name in fields - {"items", "item"}):
        raise Malformed("expected text")
    return said


def _envelope(item: Any) -> Envelope:
    if not isinstance(item, dict) or not all(
        isinstance(item.get(name), str) for name in ("body", "signature")
    ):
        raise Malformed("expected body and signature")
    body = item["body"].encode(errors="replace")
    if len(body) > offline.BODY_MAX:
        raise Malformed(f"expected at most {offline.BODY_MAX} bytes")
    return Envelope(body, devices.decoded(item["signature"], most=offline.SIGNATURE_MAX))


def _device(request: HttpRequest, public_id: str) -> Device:
    try:
        asked = UUID(public_id)
    except ValueError as error:
        raise Malformed("expected a device") from error
    rows = devices_visible_to(request.user).select_related("counter__office")
    return get_object_or_404(rows, public_id=asked)


def _here(request: HttpRequest) -> Counter | None:
    rows = counters_visible_to(request.user).select_related("office")
    return rows.filter(code=remembered(request)).first()


def _counter_facts(counter: Counter) -> Mapping[str, Any]:
    law = next(
        (one for one in cash_rules(counter.office, on=today()) if one.code == LAW_CODE), None
    )
    return {
        "code": counter.code,
        "name": counter.name,
        "office": counter.office.name,
        "keeps_shifts": counter.keeps_shifts,
        "cash_below_paise": law.limit_paise if law else None,
        "check": f"{settings.PUBLIC_URL}{reverse('payments:check_form')}",
    }


def _device_facts(device: Device) -> Mapping[str, Any]:
    word = "revoked" if device.revoked_at else "ready" if device.approved_at else "pending"
    return {
        "id": str(device.public_id),
        "series": device.series,
        "state": word,
        "fingerprint": devices.fingerprint(device),
        "last_sequence": device.last_sequence,
    }


def _shift_facts(shift: Shift) -> Mapping[str, Any]:
    return {
        "id": str(shift.public_id),
        "number": shift.number,
        "day": shift.office_day.business_date.isoformat(),
        "is_open": shift.state == "open",
    }


def _range_facts(out: NumberRange) -> Mapping[str, Any]:
    series = out.device.series
    span = range(out.used_until + 1, out.last + 1)
    codes = {
        number: proofs.token_of(Receipt(series=series, year=out.year, number=number))
        for number in span
    }
    return {
        "year": out.year,
        "series": series,
        "first": out.first,
        "last": out.last,
        "used_until": out.used_until,
        "shift": str(out.shift.public_id),
        "day": out.shift.office_day.business_date.isoformat(),
        "codes": codes,
    }


def _result(item: OfflineItem) -> Mapping[str, Any]:
    return {
        "hash": item.content_hash,
        "status": "taken" if item.state == OfflineItem.State.TAKEN else "person",
        "words": item.words or item.get_problem_display(),
    }
