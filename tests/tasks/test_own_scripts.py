"""Translators between scripts: they learn as those of one script do, and copy what none of theirs is written in."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch
from tiny_training import train

from seqcore.errors import InputError
from seqcore.tasks.translation import Translator, TranslatorConfig, language_mark
from seqcore.text import Tokenizer
from seqcore.text.entities import PLACEHOLDER

Words = tuple[list[str], list[str], list[str]]

ENGLISH: Words = (
    ["The cat", "The dog", "The bird", "The girl", "The horse"],
    ["sees", "loves", "seeks", "hears"],
    ["the house", "the garden", "the forest", "the bridge", "the park"],
)
RUSSIAN: Words = (
    ["Кошка", "Собака", "Птица", "Девочка", "Лошадь"],
    ["видит", "любит", "ищет", "слышит"],
    ["дом", "сад", "лес", "мост", "парк"],
)
GREEK: Words = (
    ["Η γάτα", "Ο σκύλος", "Το πουλί", "Η κοπέλα", "Το άλογο"],
    ["βλέπει", "αγαπά", "ψάχνει", "ακούει"],
    ["το σπίτι", "τον κήπο", "το δάσος", "τη γέφυρα", "το πάρκο"],
)
CHINESE: Words = (
    ["猫", "狗", "鸟", "女孩", "马"],
    ["看见", "喜欢", "寻找", "听到"],
    ["房子", "花园", "森林", "桥", "公园"],
)
ARABIC: Words = (
    ["القطة", "الكلبة", "العصفورة", "البنت", "الفرس"],
    ["ترى", "تحب", "تطلب", "تسمع"],
    ["البيت", "الحديقة", "الغابة", "الجسر", "المتنزه"],
)
HINDI: Words = (
    ["बिल्ली", "कुतिया", "चिड़िया", "लड़की", "घोड़ी"],
    ["देखती है", "चाहती है", "ढूँढती है", "सुनती है"],
    ["घर", "बाग़", "जंगल", "पुल", "मैदान"],
)
SIZES: dict[str, Any] = {
    "embedding_size": 128, "encoder_hidden_size": 128, "decoder_hidden_size": 256, "encoder_layers": 1,
    "decoder_layers": 1, "dropout": 0.0, "label_smoothing": 0.0,
}  # fmt: skip


def sentences(words: Words) -> list[str]:
    """Every subject with every verb and every object, in the order and with the point of the language."""
    subjects, verbs, objects = words
    if words is CHINESE:
        return ["".join(parts) + "。" for parts in product(subjects, verbs, objects)]
    if words is HINDI:
        return [f"{one} {other} {verb}।" for one, verb, other in product(subjects, verbs, objects)]
    return [" ".join(parts) + "." for parts in product(subjects, verbs, objects)]


def by_words(direction: str, source: Words, target: Words) -> tuple[Translator, list[dict[str, str]]]:
    """A model whose pieces are whole words, so that it learns in seconds, and what it was trained on."""
    rows = [{"source": one, "target": two} for one, two in zip(sentences(source), sentences(target), strict=True)]
    words = sorted({word for row in rows for text in row.values() for word in text.strip(".।").split()})
    if CHINESE in (source, target):
        words = sorted({*words, *(word for several in CHINESE for word in several)} - {row["source"] for row in rows})
    torch.manual_seed(1)
    config = TranslatorConfig(directions=(direction,), **SIZES)
    marks = [language_mark(language) for language in config.languages]
    texts = [text for row in rows for text in row.values()] * 2
    pieces = [word if CHINESE in (source, target) and not word.isascii() else f"▁{word}" for word in words]
    tokenizer = Tokenizer.train(texts, 500, marks, [PLACEHOLDER, *pieces])
    config = replace(config, scripts=Translator.scripts_of(rows), vocab_size=len(tokenizer))
    return Translator(config, tokenizer), rows


@pytest.fixture(scope="module")
def russian() -> tuple[Translator, list[dict[str, str]]]:
    task, rows = by_words("ru-en", RUSSIAN, ENGLISH)
    train(task, rows, 60, 0.01)
    return task, rows


def test_a_sentence_in_the_models_own_script_is_translated(russian: tuple[Translator, list[dict[str, str]]]) -> None:
    task, rows = russian
    assert set(task.config.scripts) == {"cyrillic", "latin"}
    found = task.translate([row["source"] for row in rows], beam_size=1)
    assert task.compute_metrics(found, rows)["bleu"] == pytest.approx(100)


def test_what_is_in_none_of_its_scripts_is_copied(russian: tuple[Translator, list[dict[str, str]]]) -> None:
    task, _ = russian
    for item in ("猫", "القط", "🐕", "5km", "https://пример.рф/a", "{name}"):
        found = task.translate(f"Кошка видит {item} дом.", beam_size=2)
        assert found.text.count(item) == 1
        assert "cat" in found.text
    assert task.translate("猫が家を見る。").text == "猫が家を見る。"


def test_sentences_that_no_blank_parts_are_parted_by_one() -> None:
    task, _ = by_words("zh-en", CHINESE, ENGLISH)
    found = task.translate("猫看见房子。狗喜欢花园！", beam_size=1, max_length=3)
    one, other = found.sentences
    assert found.text == f"{one.text} {other.text}"


def test_scripts_are_those_of_the_rows_and_the_vocabulary_is_learned_from_them() -> None:
    config = TranslatorConfig(vocab_size=400, directions=("en-el",), **SIZES)
    rows = [{"source": one, "target": two} for one, two in zip(sentences(ENGLISH), sentences(GREEK), strict=True)]
    task = Translator.create(config, rows)
    assert task.config.scripts == ("latin", "greek")
    assert not any(piece.startswith("<0x") for piece in task.tokenizer.ids_to_tokens(task.tokenizer.encode("Η γάτα")))
    example = task.example({"source": "The cat Ａ1 ﬁ", "target": "Η γάτα Ａ1 ﬁ"})
    assert task.tokenizer.decode(list(example["target"])[1:-1]) == f"Η γάτα {PLACEHOLDER} fi"
    again, _ = Translator.adapt(task, TranslatorConfig(**SIZES), Translator.train_tokenizer(config, rows))
    assert set(again.config.scripts) == {"latin", "greek"}
    latin = Translator.create(config, [{"source": text} for text in sentences(ENGLISH)])
    assert latin.config.scripts == ("latin",)
    assert latin.translate("Η γάτα βλέπει.").text == "Η γάτα βλέπει."


def test_scripts_are_those_of_each_language_however_few_rows_it_has() -> None:
    rows = [{"source": "a house", "target": "ein Haus", "source_lang": "en", "target_lang": "de"}] * 500
    rows.append({"source": "a house", "target": "სახლი", "source_lang": "en", "target_lang": "ka"})
    assert Translator.scripts_of(rows) == ("latin", "georgian")


def test_the_language_of_a_text_in_any_script_is_detected() -> None:
    task, _ = by_words("ru-en", RUSSIAN, ENGLISH)
    both = Translator(replace(task.config, directions=("ru-en", "en-ru")), task.tokenizer)
    found = both.translate(["Кошка видит дом.", "The cat sees the house."], beam_size=1, max_length=2)
    assert [one.source_lang for one in found] == ["ru", "en"]
    with pytest.raises(InputError, match="does not read"):
        both.translate("猫が家を見て、それから庭に行きました。とても美しい庭でした。")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("direction", "source", "target"),
    [
        ("ru-en", RUSSIAN, ENGLISH),
        ("en-el", ENGLISH, GREEK),
        ("zh-en", CHINESE, ENGLISH),
        ("ar-en", ARABIC, ENGLISH),
        ("hi-en", HINDI, ENGLISH),
    ],
)
def test_a_translator_between_any_two_scripts_learns(direction: str, source: Words, target: Words) -> None:
    task, rows = by_words(direction, source, target)
    train(task, rows, 100, 0.01)
    found = task.translate([row["source"] for row in rows], beam_size=1)
    assert task.compute_metrics(found, rows)["bleu"] == pytest.approx(100)
