"""python -m apps.translator: the translator's page alone."""

import apps.server.environment  # noqa: F401

from apps.server.launch import run_app
from apps.translator.app import DESCRIPTION, build

run_app("translator", build, DESCRIPTION)
