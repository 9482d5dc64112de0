"""Settings of the tests: the real ones, with a test database of its own and cheap passwords."""

import os

os.environ.setdefault("CSPDCL_MODE", "test")

from cspdcl.settings import *  # noqa: F403
from cspdcl.settings import DATABASES, INSTALLED_APPS, STATIC_ROOT, STORAGES

INSTALLED_APPS = [*INSTALLED_APPS, "tests"]  # has a faster command that empties the tables
# Several test runs can share one server: each names its database.
DATABASES["default"]["TEST"] = {"NAME": f"test_{os.environ.get('CSPDCL_TEST_NAME', 'cspdcl')}"}
# Nobody pulls the plug on this server; those of which a test does are servers of their own.
DATABASES["default"]["OPTIONS"]["options"] += " -c synchronous_commit=off"
# The live server's threads must leave no session behind, else the database cannot be dropped.
DATABASES["default"]["CONN_MAX_AGE"] = 0
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # whitenoise warns of a directory that is not there
WHITENOISE_AUTOREFRESH = True  # looks a file up when asked: no scan of all for every test client
NAVIGATION_SECONDS = 0  # a test looks again at once; the one that keeps them says so
