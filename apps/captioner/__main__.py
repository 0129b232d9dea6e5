"""python -m apps.captioner: the captioner's page alone."""

import apps.server.environment  # noqa: F401

from apps.captioner.app import DESCRIPTION, build
from apps.server.launch import run_app

run_app("captioner", build, DESCRIPTION)
