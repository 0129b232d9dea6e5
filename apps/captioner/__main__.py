"""python -m apps.captioner: the captioner's page alone."""

import apps.server.environment  # noqa: F401

from apps.captioner.app import main

main()
