"""Films whose every frame's label is known, as files: `python -m apps.video.compose --help`."""

from seqcore.recipes.command import function_script
from seqcore.recipes.films.compose import write_films


def main() -> None:
    """Run the command line: `seqcore corpus films` with the same flags."""
    function_script(write_films, "apps.video.compose")


if __name__ == "__main__":
    main()
