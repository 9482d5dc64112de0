"""CSPDCL payments: capture, reconciliation and reports for an electricity distributor."""

from cspdcl.celery import app as celery_app

__all__ = ["celery_app"]
