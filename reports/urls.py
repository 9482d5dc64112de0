"""Addresses of reports: the list, and for each report of the catalogue its page and its files."""

from django.urls import URLPattern, path, register_converter

from reports import certificates, views
from reports.registry import reports

app_name = "reports"


class FileKind:
    """``pdf``, ``xlsx`` or ``csv``."""

    regex = "|".join(views.FILE_KINDS)

    def to_python(self, value: str) -> str:
        """As it stands."""
        return value

    def to_url(self, value: str) -> str:
        """As it stands."""
        return value


register_converter(FileKind, "file_kind")

urlpatterns: list[URLPattern] = [
    path("reports/", views.index, name="reports"),
    path(
        "days/<business_date:day>/certificate-<int:version>.pdf",
        certificates.certificate,
        name="certificate",
    ),
]
for code, report in reports().items():
    urlpatterns += [
        path(f"reports/{code}/", views.page_of(report), name=code),
        path(f"reports/{code}.<file_kind:kind>", views.file_of(report), name=f"{code}_file"),
    ]
