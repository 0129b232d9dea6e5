"""python -m apps.sentiment: the sentiment classifier's page alone."""

import apps.environment  # noqa: F401

from apps.launch import run_app
from apps.sentiment.app import DESCRIPTION, build

run_app("sentiment", build, DESCRIPTION)
