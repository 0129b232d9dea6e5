"""Text as people read it, and whether a vocabulary knows it."""

import pytest

from seqcore.text import Tokenizer
from seqcore.text.likelihood import letter_log_likelihood
from seqcore.text.markup import strip_markup


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("It 's <i>good</i> , is n't it ?", "It's good, isn't it?"),
        ("One.<br /><br />Two.<BR>Three.", "One.\nTwo.\nThree."),
        ("-LRB- well -RRB- , `` no '' !", '(well), " no "!'),
        ("5 % of it &amp; more , ca n't say ...", "5% of it & more, can't say..."),
        ("  two  \t blanks \n\n and lines ", "two blanks\nand lines"),
        ("<script>alert(1)</script> a < b > c", "<script>alert(1)</script> a < b > c"),
        ("", ""),
        (f"a &#{'9' * 5000};!", "a \ufffd!"),
        ("😀 \u202eشكرا", "😀 \u202eشكرا"),
    ],
)
def test_formatting_goes_and_the_words_stay(written: str, read: str) -> None:
    assert strip_markup(written) == read
    assert strip_markup(read) == read  # nothing is left to do


ENGLISH = ["The film was good and the music too.", "Nobody liked the end of it.", "It was a bad film, I think."] * 30


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(ENGLISH, 330, lowercase=True)


def test_text_of_another_language_is_less_familiar(tokenizer: Tokenizer) -> None:
    known = letter_log_likelihood(tokenizer, "I liked the music of the film and nobody the end")
    foreign = letter_log_likelihood(tokenizer, "Žluťoučký kůň příšerně úpěl ďábelské ódy celou noc")
    assert known is not None
    assert foreign is not None
    assert known > -3 > foreign


@pytest.mark.parametrize("text", ["", "😀", "12 % ...", "\0"])
def test_a_text_without_letters_has_no_familiarity(text: str, tokenizer: Tokenizer) -> None:
    assert letter_log_likelihood(tokenizer, text) is None


def test_a_short_text_is_judged_kindly(tokenizer: Tokenizer) -> None:
    short, long = letter_log_likelihood(tokenizer, "zx"), letter_log_likelihood(tokenizer, "zx " * 20)
    assert short is not None
    assert long is not None
    assert short > long


@pytest.mark.parametrize("text", ["It's a  GREAT film 😀", "naïve ½ ﬁlm\nof two\tlines ", "x", "", " ", "日本\0語"])
def test_surfaces_of_tokens_are_the_text(text: str, tokenizer: Tokenizer) -> None:
    tokens, surfaces = tokenizer.encode_with_surfaces(text)
    assert tokens == tokenizer.encode(text)
    assert len(surfaces) == len(tokens)
    assert "".join(surfaces) == (text.replace("\0", " ") if tokens else "")


def test_small_letters_are_read_as_capitals(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("THE FILM") == tokenizer.encode("the film")
    assert Tokenizer.train(ENGLISH, 330).encode("THE FILM") != Tokenizer.train(ENGLISH, 330).encode("the film")
