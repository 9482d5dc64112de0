"""What tests of agencies ask for: an agency with money, a partner that signs, a consumer."""

import pytest

from agencies.models import Agency
from payments.models import Consumer
from tests import factories as make
from tests.agencies import partner as made


@pytest.fixture
def agency(db) -> Agency:
    return made.make_agency()


@pytest.fixture
def partner(agency) -> made.Partner:
    return made.Partner()


@pytest.fixture
def consumer(db) -> Consumer:
    return make.ConsumerFactory()
