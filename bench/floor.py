"""The floor of capture: a bare view that checks the HMAC and inserts one row. No more is possible
to leave out."""

import hashlib
import hmac
import os

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

_KEY = os.environ.get("BENCH_HOOK_KEY", "").encode()


@csrf_exempt
@login_not_required
def take(request: HttpRequest) -> HttpResponse:
    """200 once the row is committed, 401 for a wrong signature."""
    expected = hmac.new(_KEY, request.body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, request.headers.get("X-Razorpay-Signature", "")):
        return HttpResponse(status=401)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO bench_floor (body) VALUES (%s)", [request.body])
    return HttpResponse(status=200)
