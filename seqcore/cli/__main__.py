"""`python -m seqcore.cli` is `seqcore`."""

import sys

from seqcore.cli import main

if __name__ == "__main__":
    sys.exit(main())
