"""Whatever is sent to the partner API, signed, is answered as its schema documents."""

import io
import secrets
from typing import Any, Final

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from agencies.models import Agency, AgencyPayment, FloatAccount
from channels_.adapters.agency.signing import signature, words_to_sign
from cspdcl.kernel.clock import now
from payments.models import Payment
from tests import factories as make
from tests.agencies.partner import SECRET, Partner, asked, make_agency

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("default::DeprecationWarning"),
]

OPERATIONS: Final = [
    ("/partner/v1/dues/", "GET"),
    ("/partner/v1/payments/", "GET"),
    ("/partner/v1/payments/", "POST"),
    ("/partner/v1/payments/by-txn/{txn_id}/", "GET"),
    ("/partner/v1/payments/{reference}/", "GET"),
    ("/partner/v1/payments/{reference}/confirm/", "POST"),
    ("/partner/v1/payments/{reference}/reverse/", "POST"),
    ("/partner/v1/float/", "GET"),
]


class Signing:
    """Between the maker of cases and the application: puts a right signature for a made-up one."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        query = environ.get("QUERY_STRING", "")
        target = f"{path}?{query}" if query else path
        moment, nonce = str(int(now().timestamp())), secrets.token_hex(16)
        words = words_to_sign(environ["REQUEST_METHOD"], target, moment, nonce, body)
        right = {
            "HTTP_X_AGENCY_KEY": "ak_atp",
            "HTTP_X_TIMESTAMP": moment,
            "HTTP_X_NONCE": nonce,
            "HTTP_X_SIGNATURE": signature(SECRET, words),
        }
        if right.keys() <= environ.keys():  # a case may be that one of them is missing
            environ |= right
        return self.app(environ, start_response)


@pytest.fixture
def schema():
    """The schema as it is served, answered in this process, every request signed."""
    served = SchemaGenerator().get_schema(request=None, public=True)
    made = schemathesis.openapi.from_dict(served)
    made.app = Signing(get_wsgi_application())
    # The connection holds the test's transaction: a finished request must not close it.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield made
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def agency(db) -> Agency:
    return make_agency(float_paise=10**12)


@pytest.fixture
def held(agency) -> AgencyPayment:
    """A payment to be asked about; made before the schema, whose signals a client would undo."""
    Partner().post("payments/", asked(make.ConsumerFactory()))
    return AgencyPayment.objects.select_related("payment").get()


def test_every_operation_is_tried(schema) -> None:
    found = {(one.ok().path, one.ok().method.upper()) for one in schema.get_all_operations()}

    assert {one for one in found if one[0].startswith("/partner/")} == set(OPERATIONS)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(("address", "method"), OPERATIONS)
def test_every_answer_is_documented_and_no_amount_grows(
    agency, held, schema, address, method, mode
) -> None:
    @given(case=schema[address][method].as_strategy(generation_mode=mode))
    @limits(
        max_examples=25,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def call(case) -> None:
        if "reference" in case.path_parameters:
            case.path_parameters["reference"] = held.payment.reference
        if isinstance(case.body, dict) and "consumer_number" in case.body:
            case.body["consumer_number"] = held.payment.consumer_number
        before = set(Payment.objects.values_list("pk", flat=True))

        answer = case.call()

        case.validate_response(answer, excluded_checks=[ignored_auth, positive_data_acceptance])
        if mode is GenerationMode.POSITIVE:  # the business may refuse what is well written
            assert answer.status_code in (200, 201, 404, 409, 422)
        for payment in Payment.objects.exclude(pk__in=before):
            assert payment.amount_paise == case.body["amount_paise"]
            assert type(case.body["amount_paise"]) is int

    call()
    account = FloatAccount.objects.get()
    taken = AgencyPayment.objects.filter(
        agency=agency, payment__state__in=["pending", "succeeded"]
    ).values_list("payment__amount_paise", flat=True)
    assert account.balance_paise == 10**12 - sum(taken)
