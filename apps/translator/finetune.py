"""Train a translator on your own sentence pairs: `python -m apps.translator.finetune --help`."""

import seqcore.cli.environment  # noqa: F401

from seqcore.recipes.command import recipe_script
from seqcore.recipes.translation import TranslationRecipe


def main() -> None:
    """Run the command line: `seqcore train translation` with the same flags."""
    recipe_script(TranslationRecipe, "apps.translator")


if __name__ == "__main__":
    main()
