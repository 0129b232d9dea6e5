"""Make training files of several labelled data sets: `python -m apps.sentiment.corpus --help`."""

from seqcore.recipes.command import function_script
from seqcore.recipes.corpora.sentiment import build


def main() -> None:
    """Run the command line: `seqcore corpus sentiment` with the same flags."""
    function_script(build, "apps.sentiment.corpus")


if __name__ == "__main__":
    main()
