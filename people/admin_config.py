"""Tells Django which site the administration is; apart, because models cannot be imported yet."""

from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig


class AdminConfig(DjangoAdminConfig):
    """Names the site; it stands in INSTALLED_APPS for django.contrib.admin."""

    default_site = "people.admin_site.Site"
