"""Every address, by app: the only file besides settings that knows them all."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.i18n import set_language
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import IsAuthenticated

from cspdcl.health import healthz
from people.views import door

urlpatterns = [
    path("", door.home, name="home"),
    path("healthz", healthz, name="healthz"),
    path("", include("people.urls")),
    path("", include("cspdcl.ui.urls")),
    path("", include("attachments.urls")),
    path("", include("outgoing.urls")),
    path("", include("channels_.urls")),
    path("", include("sources.urls")),
    path("", include("payments.urls")),
    path("", include("counters.urls")),
    path("", include("agencies.urls")),
    path("", include("enquiries.urls")),
    path("", include("refunds.urls")),
    path("", include("reconciliation.urls")),
    path("", include("reports.urls")),
    path("api/v1/", include("payments.api")),
    path("api/v1/", include("counters.api")),
    path("api/v1/", include("refunds.api")),
    path("api/v1/", include("reconciliation.api")),
    path("partner/v1/", include("agencies.api")),
    path(
        "api/v1/schema/",
        SpectacularAPIView.as_view(permission_classes=[IsAuthenticated]),
        name="api_schema",
    ),
    # Before the sign-in too: the door itself is read in a language.
    path("i18n/setlang/", login_not_required(set_language), name="set_language"),
    path("admin/", admin.site.urls),
]
