"""Make one training file of several aligned ones: `python -m apps.translator.corpus --help`."""

from seqcore.recipes.command import function_script
from seqcore.recipes.corpora.translation import build


def main() -> None:
    """Run the command line: `seqcore corpus translation` with the same flags."""
    function_script(build, "apps.translator.corpus")


if __name__ == "__main__":
    main()
