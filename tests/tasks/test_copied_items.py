"""Numbers, addresses, code and tags in a translation: each as often as in the source, whatever the model writes."""

import re
from collections import Counter

import pytest
import torch
from hypothesis import given, settings, strategies

import seqcore
from seqcore.tasks.translation import Translator, TranslatorConfig
from seqcore.text.tags import hide_tags

ROOT = seqcore.__path__[0] + "/.."
ITEMS = ["5km", "10 kg", "2nd", "+49 30 1234567", "1.000,50 €", "$5", "-5°C", "%1$s", "%d", "{name}", "{{count}}"]
ITEMS += [
    "${VAR}",
    "&nbsp;",
    r"C:\Users\me",
    "/usr/bin/x",
    "report_v2.pdf",
    "@tom",
    "#snow",
    "v1.2.3",
    "getName()",
    "🐕",
]
TAGS = ["<b>", "</b>", "<i>", "</i>", "<br/>", '<a href="x. y">', "</a>", "<x/>"]
WORDS = ["a dog", "two men", "snow.", "the child laughs,", "Runs!"]


@pytest.fixture(scope="module")
def untrained() -> Translator:
    torch.manual_seed(3)
    config = TranslatorConfig(
        vocab_size=330, embedding_size=12, encoder_hidden_size=8, decoder_hidden_size=16, max_target_length=25
    )
    task = Translator.create(
        config, [{"source": text} for text in ["a dog runs .", "two men sit on a wall 1 2 5 ."] * 9]
    )
    with torch.no_grad():
        for weight in task.network.parameters():
            weight.mul_(3)
    task.network.eval()
    return task


def well_formed(tags: list[str]) -> bool:
    waiting: list[str] = []
    for tag in tags:
        name = re.sub(r"\W", "", tag.split(" ")[0])
        if tag.startswith("</"):
            if waiting.pop() != name:
                return False
        elif not tag.endswith("/>"):
            waiting.append(name)
    return not waiting


@settings(max_examples=60, deadline=None)
@given(pieces=strategies.lists(strategies.sampled_from(ITEMS + TAGS + WORDS), min_size=1, max_size=12))
def test_every_item_is_in_the_answer_as_often_as_in_the_source(untrained: Translator, pieces: list[str]) -> None:
    text = " ".join(pieces)
    found = untrained.translate(text, beam_size=3, n_best=2)
    for one in (found, *found.alternatives):
        assert {item: one.text.count(item) for item in ITEMS} == {item: text.count(item) for item in ITEMS}
        assert Counter(hide_tags(one.text)[1]) == Counter(hide_tags(text)[1])


@strategies.composite
def marked(draw: strategies.DrawFn, depth: int = 0) -> str:
    """Words with elements around some of them, one within another."""
    parts = []
    for _ in range(draw(strategies.integers(1, 3))):
        kind = draw(strategies.sampled_from(["words", "words", "empty", "element"] if depth < 3 else ["words"]))
        if kind == "words":
            parts.append(draw(strategies.sampled_from(WORDS)))
        elif kind == "empty":
            parts.append("<x/>")
        else:
            name = draw(strategies.sampled_from(["b", "i", "em"]))
            parts.append(f"<{name}>{draw(marked(depth + 1))}</{name}>")
    return " ".join(parts)


@settings(max_examples=60, deadline=None)
@given(text=marked())
def test_elements_are_closed_after_they_were_opened(untrained: Translator, text: str) -> None:
    found = untrained.translate(text, beam_size=1)
    tags = hide_tags(found.text)[1]
    assert Counter(tags) == Counter(hide_tags(text)[1])
    assert well_formed(tags)


def test_thousands_of_tags_are_put_back_in_their_order(untrained: Translator) -> None:
    for text in ("<b>" * 3000 + "a dog" + "</b>" * 3000, "a <b>dog</b> " * 1500):
        found = untrained.translate(text, beam_size=1, max_length=5)
        assert hide_tags(found.text)[1] == hide_tags(text)[1]


def test_tags_go_with_the_words_that_they_were_around() -> None:
    translator = seqcore.load(f"{ROOT}/checkpoints/translator", Translator, device="cpu")
    for text, answer in (
        ("<b>Two men</b> are playing <i>guitar</i>.", "<b>Zwei Männer</b> spielen <i>Gitarre</i>."),
        ("A dog <em>runs</em> through<br/>the <a href='x'>snow</a>.", None),
        ("THE <b>BROWN</b> DOG RUNS.", "DER <b>BRAUNE</b> HUND RENNT."),
        ("He runs 5km.", "Er rennt 5km."),
        ("Two men at 9:30.", "Zwei Männer 9:30."),
    ):
        found = translator.translate(text, source="en", target="de")
        plain = translator.translate(re.sub("<[^>]*>", "", text), source="en", target="de")
        assert answer is None or found.text == answer
        if answer is not None:
            assert found.tokens == plain.tokens
        for tag in hide_tags(text)[1]:
            assert found.text.count(tag) == text.count(tag)
