"""python -m apps.inside: the page that shows the inside, alone."""

from apps.inside.app import main

main()
