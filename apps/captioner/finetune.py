"""Train a captioner on your own images: `python -m apps.captioner.finetune --help`."""

import seqcore.cli.environment  # noqa: F401

from seqcore.recipes.captioning import CaptioningRecipe
from seqcore.recipes.command import recipe_script


def main() -> None:
    """Run the command line: `seqcore train captioning` with the same flags."""
    recipe_script(CaptioningRecipe, "apps.captioner")


if __name__ == "__main__":
    main()
