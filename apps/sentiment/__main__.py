"""python -m apps.sentiment: the sentiment classifier's page alone."""

import apps.server.environment  # noqa: F401

from apps.sentiment.app import main

main()
