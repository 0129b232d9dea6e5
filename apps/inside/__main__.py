"""python -m apps.inside: the page that shows the inside, alone."""

import apps.server.environment  # noqa: F401

from apps.inside.app import main

main()
