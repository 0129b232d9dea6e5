"""python -m apps.video: the video page alone."""

import apps.server.environment  # noqa: F401

from apps.server.launch import run_app
from apps.video.app import DESCRIPTION, MAIN, build

run_app(MAIN, build, DESCRIPTION)
