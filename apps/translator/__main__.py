"""python -m apps.translator: the translator's page alone."""

import apps.server.environment  # noqa: F401

from apps.translator.app import main

main()
