"""python -m apps.translator: the translator's page alone."""

from apps.launch import run_app
from apps.translator.app import build

run_app("translator", build, "Translate in the browser with a deep LSTM and attention.")
