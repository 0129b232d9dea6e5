"""Text to numbers and back."""

from pathlib import Path

import pytest
from hypothesis import given, settings, strategies

from seqcore.errors import CheckpointError, DataError
from seqcore.text import Tokenizer
from seqcore.text.tokenizer import MAX_LINE_BYTES, training_lines

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


@pytest.mark.parametrize("unit", ["abcd efgh ijkl ", "猫は家を見る。", "abcdefghij", "e\u0301"])
def test_lines_of_any_length_are_learned_from(unit: str) -> None:
    long = Tokenizer.train([unit * 3000] * 2, 400)
    short = Tokenizer.train([unit * 40] * 50, 400)
    assert not any(piece.startswith("<0x") for piece in long.ids_to_tokens(long.encode(unit)))
    assert len(long.encode(unit * 20)) <= 1.1 * len(short.encode(unit * 20))
    lines = [*training_lines(unit * 3000)]
    assert all(len(line.encode()) <= MAX_LINE_BYTES for line in lines)
    assert "".join(lines) == unit * 3000
    if " " in unit:
        assert {line.split()[0] for line in lines} <= set(unit.split()), "cut between words"


def test_words_that_only_stand_in_long_lines_are_learned() -> None:
    tokenizer = Tokenizer.train(["a short text"] * 20 + ["of a long cinematography, " * 300] * 3, 400)
    assert not any(piece.startswith("<0x") for piece in tokenizer.ids_to_tokens(tokenizer.encode("cinematography")))


def test_more_characters_than_pieces_leave_room_for_words() -> None:
    texts = ["".join(chr(0x4E00 + (7 * place + 13 * number) % 900) for place in range(30)) for number in range(200)]
    tokenizer = Tokenizer.train([*texts, *["一个人看见一只猫"] * 100], 600)
    assert len(tokenizer) <= 600
    assert len(tokenizer.encode("一个人看见一只猫")) <= 9
    assert tokenizer.decode(tokenizer.encode(texts[0])) == texts[0]


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
