"""The API of the books: read them, hand in files, ask for runs, decide on breaks.

Every operation names who may call it (``roles``) and every answer it may give; a field that is not
known is refused. Whatever a person may decide on a page is decided here by the same actions.
"""

from reconciliation.api.urls import app_name, urlpatterns

__all__ = ["app_name", "urlpatterns"]
