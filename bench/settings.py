"""The settings of the capture measurement: the real ones, and the floor's view beside ours."""

from cspdcl.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls"
