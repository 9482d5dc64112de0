"""Every address, by app: the only file besides settings that knows them all."""

from django.contrib import admin
from django.urls import include, path

from people.views import door

urlpatterns = [
    path("", door.home, name="home"),
    path("", include("people.urls")),
    path("", include("cspdcl.ui.urls")),
    path("", include("channels_.urls")),
    path("", include("payments.urls")),
    path("api/v1/", include("payments.api")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
]
