"""python -m apps.video: the video page alone."""

import apps.server.environment  # noqa: F401

from apps.video.app import main

main()
