"""python -m apps.translator: the translator's page alone."""

import apps.environment  # noqa: F401

from apps.launch import run_app
from apps.translator.app import DESCRIPTION, build

run_app("translator", build, DESCRIPTION)
