"""Train a per-frame video classifier on your own videos: `python -m apps.video.finetune --help`."""

import seqcore.cli.environment  # noqa: F401

from seqcore.recipes.command import recipe_script
from seqcore.recipes.video import VideoRecipe


def main() -> None:
    """Run the command line: `seqcore train video` with the same flags."""
    recipe_script(VideoRecipe, "apps.video")


if __name__ == "__main__":
    main()
