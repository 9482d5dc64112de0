"""Every address of ours, and the floor's."""

from django.urls import include, path

from bench.floor import take

urlpatterns = [path("floor/", take), path("", include("cspdcl.urls"))]
