"""``celery -A tests.chaos.planted_worker``: our worker with the fault of mark_done_first."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cspdcl.settings")

import django

django.setup()

from cspdcl.celery import app  # noqa: E402, F401 - what celery -A looks for
from tests.chaos.planted import mark_done_first  # noqa: E402

mark_done_first()
