"""python -m apps.sentiment: the sentiment classifier's page alone."""

import apps.server.environment  # noqa: F401

from apps.sentiment.app import DESCRIPTION, build
from apps.server.launch import run_app

run_app("sentiment", build, DESCRIPTION)
