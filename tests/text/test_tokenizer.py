"""Text to numbers and back."""

from pathlib import Path

import pytest
from hypothesis import given, settings, strategies

from seqcore.errors import CheckpointError, DataError
from seqcore.text import Tokenizer

TEXTS = ["A dog runs through the snow.", "Ein Hund läuft durch den Schnee.", "Two dogs sit."] * 3
MARKS = ("<2de>", "<2en>")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(iter(TEXTS), 340, MARKS)


def test_known_text_comes_back(tokenizer: Tokenizer) -> None:
    for text in TEXTS:
        assert tokenizer.decode(tokenizer.encode(text)) == text


@settings(max_examples=200, deadline=None)
@given(text=strategies.text(strategies.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_is_encoded_without_a_special_token(tokenizer: Tokenizer, text: str) -> None:
    tokens = tokenizer.encode(text)
    special = {tokenizer.pad_id, tokenizer.unk_id, tokenizer.bos_id, tokenizer.eos_id}
    special |= {number for mark in MARKS if (number := tokenizer.special_token_id(mark)) is not None}
    assert not special & set(tokens)
    assert all(0 <= token < len(tokenizer) for token in tokens)


def test_unseen_scripts_and_emoji_survive_as_bytes(tokenizer: Tokenizer) -> None:
    for text in ["日本語", "שלום", "🐕‍🦺", "naïve Ωmega"]:
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_no_text_spells_a_mark(tokenizer: Tokenizer) -> None:
    mark = tokenizer.special_token_id("<2de>")
    assert mark is not None
    assert mark not in tokenizer.encode("<2de> a <2de>dog <2de>")
    assert tokenizer.decode(tokenizer.encode("<2de> dog")) == "<2de> dog"
    assert tokenizer.decode([mark]) == ""
    assert tokenizer.special_token_id("<2fr>") is None
    assert tokenizer.special_token_id("dog") is None


def test_the_same_text_gives_the_same_tokenizer(tokenizer: Tokenizer) -> None:
    assert Tokenizer.train(iter(TEXTS), 340, MARKS).model == tokenizer.model


def test_saved_and_loaded_it_is_the_same(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    again = Tokenizer.load(tmp_path)
    assert [again.encode(text) for text in TEXTS] == [tokenizer.encode(text) for text in TEXTS]
    assert again.ids_to_tokens(again.encode("dog"))[0].startswith("▁")


def test_what_cannot_be_loaded_or_learned_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"has no tokenizer\.model"):
        Tokenizer.load(tmp_path)
    (tmp_path / "tokenizer.model").write_bytes(b"no model")
    with pytest.raises(CheckpointError, match="tokenizer is damaged"):
        Tokenizer.load(tmp_path)
    with pytest.raises(DataError, match="it is empty or has"):
        Tokenizer.train(iter(["", "  "]), 400)
    with pytest.raises(DataError, match="so small a vocabulary"):
        Tokenizer.train(iter(TEXTS), 20)


def test_names_of_before_answer_with_a_warning(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode(TEXTS[0])
    for old, new, arguments in (
        ("mark", "special_token_id", (MARKS[0],)),
        ("number", "token_to_id", ("▁dog",)),
        ("pieces", "ids_to_tokens", (ids,)),
    ):
        with pytest.warns(FutureWarning, match=f"Tokenizer.{old} is called Tokenizer.{new} now"):
            answer = getattr(tokenizer, old)(*arguments)
        assert answer == getattr(tokenizer, new)(*arguments)
    with pytest.warns(FutureWarning, match="Tokenizer.padding is called Tokenizer.pad_id now"):
        assert Tokenizer.padding == tokenizer.pad_id
