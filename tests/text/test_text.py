"""Sentences, what a translator must not touch, and languages: nothing is lost, whatever the text."""

import pytest
from hypothesis import given, settings, strategies

from seqcore.errors import InputError
from seqcore.text.entities import PLACEHOLDER, mask_entities, mask_entity_pair, unmask_entities
from seqcore.text.languages import detect_language
from seqcore.text.sentences import split_sentences

TEXT = strategies.text("aB .!?\n\r\t1:/@#é東🐕\u200d\ue000\u2028", max_size=60)


@settings(deadline=None)
@given(text=TEXT, language=strategies.sampled_from(["en", "de", "fr", "xx"]))
def test_sentences_and_gaps_are_the_text(text: str, language: str) -> None:
    pieces = split_sentences(text, language)
    assert "".join(pieces) == text
    assert len(pieces) % 2 == 1
    assert all(not gap.strip() for gap in pieces[::2])
    assert all(one == one.strip() and one and not {"\n", "\r"} & set(one) for one in pieces[1::2])


@pytest.mark.parametrize(
    ("text", "language", "sentences"),
    [
        ("Mr. Smith left. He ran!", "en", ["Mr. Smith left.", "He ran!"]),
        ("M. Dupont est là. Il dort.", "fr", ["M. Dupont est là.", "Il dort."]),
        ("Am 3. Mai regnet es. Dr. Maier schläft.", "de", ["Am 3. Mai regnet es.", "Dr. Maier schläft."]),
        ("1. One thing.\n2. Another.", "en", ["1. One thing.", "2. Another."]),
        ("你好。你在哪里？我很好！", "zh", ["你好。", "你在哪里？", "我很好！"]),
        ("أين أنت؟ أنا هنا. د. أحمد نائم.", "ar", ["أين أنت؟", "أنا هنا.", "د. أحمد نائم."]),
        ("बिल्ली सोती है। क्यों?", "hi", ["बिल्ली सोती है।", "क्यों?"]),
        ("یہ گھر ہے۔ وہ کہاں ہے؟", "ur", ["یہ گھر ہے۔", "وہ کہاں ہے؟"]),
        ("Πού είσαι; Εδώ.", "el", ["Πού είσαι;", "Εδώ."]),
        ("ሰላም ነው። ደህና።", "am", ["ሰላም ነው።", "ደህና።"]),
        ("Я А. С. Пушкин. Да!", "ru", ["Я А. С. Пушкин.", "Да!"]),
        ("សួស្តី។ អ្នក។", "km", ["សួស្តី។", "អ្នក។"]),
        ("no end\r\n\r\nnor here", "en", ["no end", "nor here"]),
        ("", "en", []),
        ("Voilà le plan B\u202f. Il dort.", "fr", ["Voilà le plan B\u202f. Il dort."]),
        ("A\u3000\xa0.", "en", ["A\u3000\xa0."]),
    ],
)
def test_sentences_end_where_people_end_them(text: str, language: str, sentences: list[str]) -> None:
    assert split_sentences(text, language)[1::2] == sentences


def test_a_book_in_one_line() -> None:
    sentences = ["It is 3 p.m. in Rome.", "Dr. Maier said: “Go! Now!”", "No (not yet)!", "Why?"]
    assert split_sentences(" ".join(sentences * 500), "en")[1::2] == sentences * 500
    for text in ('"«“' * 30_000, "ab" * 50_000, "“a " * 30_000):  # no end of it is looked for from every place
        assert "".join(split_sentences(text, "en")) == text


def test_items_are_taken_out_in_their_order() -> None:
    text = "See https://a.org/b?c=1. At 10:30 pay 3,000.50 to me@x.org, @tom #snow A4 or 東京!"
    hidden, items = mask_entities(text)
    assert items == ("https://a.org/b?c=1", "10:30", "3,000.50", "me@x.org", "@tom", "#snow", "A4", "東京")
    assert hidden.replace(PLACEHOLDER, "_") == "See _. At _ pay _ to _, _ _ _ or _!"


@pytest.mark.parametrize("text", ["Tom2 is a1 word", "no-one's here…", "Ça coûte cher – très!", "“quoted”, 'twice'"])
def test_words_are_no_items(text: str) -> None:
    assert mask_entities(text) == (text, ())


@given(text=TEXT.filter(lambda text: PLACEHOLDER not in text))
def test_what_was_taken_out_can_be_put_back(text: str) -> None:
    assert unmask_entities(*mask_entities(text)) == text


def test_placeholders_and_items_that_do_not_fit_are_mended() -> None:
    assert unmask_entities(f"x {PLACEHOLDER} y.", ["1", "2"]) == "x 1 y 2."
    assert unmask_entities(f"x {PLACEHOLDER} y.", ["1", "2"], complete=False) == "x 1 y."
    assert unmask_entities(f"{PLACEHOLDER}{PLACEHOLDER}", ["1"]) == "1"
    assert unmask_entities("", ["1", "2"]) == "1 2"
    assert unmask_entities(f"x {PLACEHOLDER} !? \n", ["1", "2"]) == "x 1 2 !? \n"
    wide = f"東{' ' * 20_000}京"  # a search for the end would try every blank
    assert unmask_entities(PLACEHOLDER, [wide, "2"]) == f"{wide} 2"


def test_a_training_pair_hides_what_stands_alike_in_both() -> None:
    assert mask_entity_pair("At 10:30.", "Um 10:30.") == (f"At {PLACEHOLDER}.", f"Um {PLACEHOLDER}.")
    assert mask_entity_pair("At 10:30.", "Um halb elf.") == ("At 10:30.", "Um halb elf.")
    pairs = [(f"Tom sleeps {'very ' * n}well.", f"Tom schläft {'sehr ' * n}gut.") for n in range(200)]
    made = [mask_entity_pair(*pair) for pair in pairs]
    hidden = [pair for pair in made if pair[0].startswith(PLACEHOLDER)]
    assert 0 < len(hidden) < 40, "one name in sixteen"
    assert all(pair[1].startswith(PLACEHOLDER) for pair in hidden)
    assert made == [mask_entity_pair(*pair) for pair in pairs]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where is the station?", "en"),
        ("Wo ist der Bahnhof?", "de"),
        ("Où est la gare ?", "fr"),
        ("DER HUND SCHLÄFT IM HAUS.", "de"),
    ],
)
def test_a_language_is_known_from_a_sentence(text: str, language: str) -> None:
    assert detect_language(text, ["en", "de", "fr"]) == language


@pytest.mark.parametrize("text", ["", "🐕", "12:30", "\0", "東京"])
def test_what_tells_nothing_is_one_of_the_languages(text: str) -> None:
    assert detect_language(text, ["en", "de"]) in {"en", "de"}


def test_a_foreign_text_is_refused_but_not_where_there_is_no_choice() -> None:
    text = "Hola, ¿cómo estás? Me gusta mucho esta ciudad."
    with pytest.raises(InputError, match=r"\(es\).*it reads English, German"):
        detect_language(text, ["en", "de"])
    assert detect_language(text, ["de"]) == "de"


def test_a_text_that_breaks_the_sentence_splitter_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicException(BaseException):  # the name that pyo3 gives it
        pass

    def broken(language: str, text: str) -> list[str]:
        raise PanicException("not a char boundary")

    monkeypatch.setattr("seqcore.text.sentences.sentencex.segment", broken)
    assert split_sentences("One. Two.\nThree.", "en") == ["", "One. Two.", "\n", "Three.", ""]
