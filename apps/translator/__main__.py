"""python -m apps.translator: the translator's page alone."""

from apps.launch import run_app
from apps.translator.app import DESCRIPTION, build

run_app("translator", build, DESCRIPTION)
