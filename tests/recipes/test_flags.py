"""Flags of recipes: one way of writing, settings by name, a help that is short."""

import pytest

from seqcore.errors import SettingsError
from seqcore.recipes import flags
from seqcore.recipes.command import RECIPES, recipe_class
from seqcore.recipes.translation import TranslationRecipe
from seqcore.tasks.translation import Translator

COLUMNS = [*Translator.fields, *Translator.optional]


def read(*arguments: str) -> TranslationRecipe:
    return flags.read(TranslationRecipe, "seqcore train translation", arguments, COLUMNS)


@pytest.mark.parametrize("dash", ["-", "_"])
def test_dashes_and_underscores_are_the_same_and_switches_stand_alone(dash: str) -> None:
    words = ("--train", "a_b-c.csv", "--output", "x", "--new-tokenizer", "--training.batch-tokens=7")
    recipe = read(*(word.replace("-", dash).replace(dash * 2, "--", 1) if word[0] == "-" else word for word in words))
    assert (recipe.train, recipe.new_tokenizer, recipe.training.batch_tokens) == ("a_b-c.csv", True, 7)


def test_flags_that_are_missing_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read()
    assert "train" in capsys.readouterr().err


def test_bundled_settings_are_found_by_name_and_others_named() -> None:
    recipe = read("--config", "multi30k", "--output", "x")
    assert recipe.columns == {"source": "en", "target": "de"}
    assert recipe.model.vocab_size == 6000
    with pytest.raises(SettingsError, match=r"there is no file multi31k, .* multi30k, multilingual"):
        read("--config=multi31k", "--output", "x")


def test_the_short_help_leaves_most_settings_out(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (("--help",), ("--help", "all")):
        with pytest.raises(SystemExit):
            read(*arguments)
    short, complete = capsys.readouterr().out.split("usage: ")[1:]
    assert "--training.batch-tokens" in short
    assert "--model.vocab-size" not in short
    assert "--model.vocab-size" in complete
    assert "--training.warmup-steps" in complete


def test_flags_of_before_work_and_warn() -> None:
    recipe = recipe_class("video")
    arguments = ["--train", "films", "--output", "x", "--hides", "--model.layers", "3"]
    with pytest.warns(FutureWarning) as warned:
        read_recipe = flags.read(recipe, "seqcore train video", arguments, ["video", "segments", "label"])
    assert (read_recipe.time_mask, read_recipe.model.num_layers) == (True, 3)
    messages = [str(warning.message) for warning in warned]
    assert "--hides is called --time-mask now; the old name goes with the next release" in messages
    assert "--model.layers is called --model.num-layers now; the old name goes with the next release" in messages


@pytest.mark.parametrize("name", RECIPES)
def test_every_task_of_the_package_has_a_recipe(name: str) -> None:
    assert recipe_class(name).task.name == name


def test_bundled_settings_name_nothing_outside_of_the_folder() -> None:
    for file in flags.CONFIGS.glob("*.yaml"):
        text = file.read_text(encoding="utf-8")
        assert "../" not in text
        assert ": /" not in text


@pytest.mark.parametrize(
    ("flag", "meant"),
    [
        ("--epochs", "--training.epochs"),
        ("--batch_tokens", "--training.batch-tokens"),
        ("--trainig.epochs", "--training.epochs"),
        ("--valdation", "--validation"),
    ],
)
def test_the_flag_that_is_meant_is_named(flag: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    from seqcore.recipes.command import train

    with pytest.raises(SystemExit):
        train(["translation", "--train", "a.csv", "--output", "out", flag, "3"])
    assert f"{flag} 3; did you mean {meant}?" in capsys.readouterr().err


def test_help_names_the_settings_of_its_own_task_and_says_how_switches_stand(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from seqcore.recipes.command import train

    with pytest.raises(SystemExit):
        train(["video", "--help", "all"])
    text = " ".join(capsys.readouterr().out.split())
    assert "Bundled settings for --config: lipreading, lipreading-narrow, shots." in text
    assert "--resume [true|false]" in text
    assert "Path to a configuration file" not in text
