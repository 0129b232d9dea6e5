"""The translator's promises: company, order and threads never change an answer, and no input breaks it."""

import json
import math
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings, strategies

from seqcore.errors import CheckpointError, InputError
from seqcore.tasks.translation import Translation, Translator, TranslatorConfig
from seqcore.tasks.translation.source import SourceReader

TEXTS = [
    "a dog runs .",
    "two men sit on a wall and look at the sea .",
    "snow",
    "a woman in a red dress reads a book in the park .",
    "a dog runs through the snow with a stick .",
    "the small child laughs",
]
SEARCHES: list[dict[str, Any]] = [
    {"beam_size": 1},
    {"beam_size": 4, "n_best": 3},
    {"beam_size": 3, "no_repeat_ngram_size": 2, "repetition_penalty": 1.3},
    {"do_sample": True, "n_best": 2, "seed": 7, "temperature": 1.5, "top_k": 50, "top_p": 0.9},
]


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Translator:
    """Tiny and untrained, in double precision, with weights large enough that its answers differ."""
    torch.manual_seed(3)
    config = TranslatorConfig(
        vocab_size=330, embedding_size=12, encoder_hidden_size=8, decoder_hidden_size=16, max_target_length=25
    )
    task = Translator.create(config, [{"source": text} for text in TEXTS * 3])
    with torch.no_grad():
        for weight in task.network.parameters():
            weight.mul_(3)
    folder = tmp_path_factory.mktemp("translator") / "model"
    task.save_pretrained(folder)
    return Translator.from_pretrained(folder, device="cpu", dtype=torch.float64)


@pytest.fixture(scope="module")
def both_ways() -> Translator:
    """Untrained, of two directions, and without dropout."""
    torch.manual_seed(3)
    sizes = {"vocab_size": 330, "embedding_size": 8, "encoder_hidden_size": 6, "decoder_hidden_size": 8}
    lengths = {"max_source_length": 30, "max_target_length": 20}
    config = TranslatorConfig(directions=("en-de", "de-en"), dropout=0.0, **sizes, **lengths)  # type: ignore[arg-type]
    task = Translator.create(config, [{"source": text} for text in TEXTS * 3])
    task.network.double().eval()
    return task


def said(found: Translation) -> list[tuple[tuple[str, ...], Any]]:
    return [(one.tokens, pytest.approx(one.score, abs=1e-9)) for one in (found, *found.alternatives)]


@pytest.mark.parametrize("search", SEARCHES, ids=["greedy", "beam", "constrained", "sampling"])
def test_a_batch_answers_as_each_alone_in_any_order(translator: Translator, search: dict[str, Any]) -> None:
    alone = [said(translator.translate(text, **search)) for text in TEXTS]
    assert len({str(answer[0][0]) for answer in alone}) > 3, "the answers should differ, or this shows nothing"
    for batch_size in (2, 6):
        assert [said(found) for found in translator.translate(TEXTS, batch_size=batch_size, **search)] == alone
    turned = translator.translate(TEXTS[::-1], **search)
    assert [said(found) for found in turned] == alone[::-1]


def test_threads_do_not_disturb_each_other(translator: Translator) -> None:
    alone = [said(translator.translate(text)) for text in TEXTS]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(translator.translate, TEXTS * 5))
    assert [said(found) for found in together] == alone * 5


def test_what_explains_an_answer_fits_it(translator: Translator) -> None:
    for found in translator.translate(TEXTS, n_best=3):
        assert len(found.alternatives) == 2
        for one in (found, *found.alternatives):
            assert one.attention.shape == (len(one.tokens), len(one.source_tokens))
            assert torch.allclose(one.attention.sum(1), torch.ones(len(one.tokens), dtype=torch.float64))
            assert len(one.token_probabilities) == len(one.tokens)
            assert all(0 < probability <= 1 for probability in one.token_probabilities)
            assert one.source_tokens[0] == "<2de>"
            assert one.source_tokens[-1] == "</s>"
            assert one.text == " ".join(one.text.splitlines())
        assert found.score >= found.alternatives[0].score >= found.alternatives[1].score


def test_one_in_gives_one_and_a_list_a_list(translator: Translator) -> None:
    assert isinstance(translator.translate("a dog"), Translation)
    assert translator.translate([]) == []
    assert len(translator.translate(("a dog", "snow"))) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "\t\u3000",
        "\0",
        "\u200b",
        "\n\n",
        "🐕🔥👩‍🚀",
        "مرحبا بالعالم",
        "12:30",
        "…!",
        "https://a.org",
        "<2de>",
    ],
)
def test_what_holds_nothing_to_translate_stays_as_it_is(translator: Translator, text: str) -> None:
    found = translator.translate(text, n_best=2)
    assert (found.text, found.tokens, found.token_probabilities) == (text.replace("\0", " "), (), ())
    assert found.attention.shape[0] == 0
    assert said(translator.translate(["a dog", text, "snow"])[2]) == said(translator.translate("snow"))


@pytest.mark.parametrize(
    "text", ["a\0b\0", "<2fr> </s> <s> <unk> a dog", "half an emoji: \ud83d", "x" * 999, "a dog مرحبا 🐕"]
)
def test_strange_text_gets_an_answer(translator: Translator, text: str) -> None:
    found = translator.translate(text, beam_size=2)
    assert found.source_tokens.count("</s>") == found.source_tokens.count("<2de>") >= 1
    assert not {"<s>", "</s>", "<unk>", "<pad>", "<2de>", "<2en>"} & set(found.tokens)


@settings(max_examples=25, deadline=None)
@given(text=strategies.text(max_size=30))
def test_any_text_gets_an_answer(translator: Translator, text: str) -> None:
    found = translator.translate(text.encode("utf-8", "replace").decode(), beam_size=1)
    assert found.text.count("\n") == text.count("\n")


@settings(max_examples=25, deadline=None)
@given(text=strategies.text("ab .!?\n1🐕م@/:-\ue000", max_size=40))
def test_streaming_ends_with_the_translation(translator: Translator, text: str) -> None:
    whole = translator.translate(text, beam_size=2, max_length=6)
    *drafts, last = translator.stream(text, beam_size=2, max_length=6)
    assert said(last) == said(whole)
    assert (last.text, last.source_tokens) == (whole.text, whole.source_tokens)
    assert torch.equal(last.attention, whole.attention) or torch.allclose(last.attention, whole.attention)
    assert all(draft.source_tokens == last.source_tokens[: len(draft.source_tokens)] for draft in drafts)


def test_lines_and_blanks_stay_and_sentences_are_translated_alone(translator: Translator) -> None:
    text = "A dog runs. Snow!\r\n\n  - the small child laughs 🐕\n"
    found = translator.translate(text)
    alone = [translator.translate(one).text for one in ("A dog runs.", "Snow!", "the small child laughs")]
    assert found.text == f"{alone[0]} {alone[1]}\r\n\n  - {alone[2]} 🐕\n"
    assert [sentence.text for sentence in found.sentences] == alone
    assert found.tokens == tuple(token for sentence in found.sentences for token in sentence.tokens)
    assert (found.alternatives, len(found.sentences[0].alternatives)) == ((), 2)


@pytest.mark.parametrize(
    "item",
    ["2026", "10:30", "3,000.50", "https://example.org/a_b?c=d&e", "me@example.org", "#snow", "A4", "🐕", "東京"],
)
def test_numbers_addresses_and_emoji_survive(translator: Translator, item: str) -> None:
    for text in (f"a dog {item} runs", f"{item} a dog", f"a dog runs {item}.", f"a dog {item}, two men {item} sit"):
        found = translator.translate(text, n_best=2)
        for one in (found, *found.alternatives):
            assert one.text.count(item) == text.count(item)
            assert "\ue000" not in one.text + "".join((*one.tokens, *one.source_tokens))


def test_capitals_are_read_as_small_letters_and_written_back(translator: Translator) -> None:
    loud, plain = translator.translate("A DOG RUNS 🐕 HERE"), translator.translate("A dog runs 🐕 here")
    assert loud.source_tokens == plain.source_tokens
    assert loud.text == plain.text.upper()
    assert translator.translate("NATO").source_tokens != translator.translate("Nato").source_tokens


def test_the_language_is_detected(both_ways: Translator) -> None:
    english, german = "This is a sentence that anybody can read.", "Das ist ein Satz, den jeder lesen kann."
    found = both_ways.translate([english, german], target="de")
    assert [(one.source_lang, one.target_lang) for one in found] == [("en", "de"), ("de", "de")]
    assert found[1].text == german, "it is German already"
    assert said(found[0]) == said(both_ways.translate(english, source="en", target="de"))
    assert both_ways.translate(german).target_lang == "en", "the first that the model knows"
    for unknown in ("Hola, ¿cómo estás? Me gusta mucho esta ciudad.", "Привет, как твои дела сегодня?"):
        with pytest.raises(InputError, match=r"^text 2: .*does not read") as caught:
            both_ways.translate([english, unknown])
        assert caught.value.number == 2
        with pytest.raises(InputError, match=r"^this text seems .*does not read"):
            both_ways.translate(unknown)
        pairs = [(english, "en"), (english, "de"), (german, "en"), (unknown, "de")]
        rows = [{"source": text, "source_lang": "auto", "target_lang": target} for text, target in pairs]
        with pytest.raises(InputError, match=r"^text 4: "):
            both_ways.evaluate(rows)


def test_texts_of_several_directions_come_together(both_ways: Translator) -> None:
    texts, sources, targets = [*TEXTS, *TEXTS], ["en", "de"] * len(TEXTS), ("de", "en") * len(TEXTS)
    found = both_ways.translate(texts, sources, targets, batch_size=len(texts))
    alone = [both_ways.translate(*each) for each in zip(texts, sources, targets, strict=True)]
    assert [said(one) for one in found] == [said(one) for one in alone]
    assert [(one.source_lang, one.target_lang) for one in found] == [*zip(sources, targets, strict=True)]
    for languages in ({"source": ["en"]}, {"target": ("de",) * 3}):
        with pytest.raises(InputError, match="one for each of the 2 texts"):
            both_ways.translate(["snow", "a dog"], **languages)


def test_a_long_line_is_translated_in_parts_and_nothing_is_left_out(translator: Translator) -> None:
    line = " ".join(TEXTS * 40)
    line = line.replace(" .", ",")
    found = translator.translate(line, beam_size=1)
    read = [token for token in found.source_tokens if token not in {"<2de>", "</s>"}]
    assert list(translator.tokenizer.ids_to_tokens(translator.tokenizer.encode(line))) == read
    parts = found.source_tokens.count("<2de>")
    assert parts > 3
    assert found.attention.shape == (len(found.tokens), len(found.source_tokens))
    starts = [i + 1 for i, token in enumerate(found.source_tokens[:-1]) if token == "<2de>"]
    assert all(found.source_tokens[start].startswith("▁") for start in starts), "cut between words"


def test_a_hundred_thousand_characters_in_one_line(translator: Translator) -> None:
    found = translator.translate("ab" * 50_000, beam_size=1, max_length=2)
    read = [token for token in found.source_tokens if token not in {"<2de>", "</s>"}]
    assert len(read) == len(translator.tokenizer.encode("ab" * 50_000)) > 10_000


@pytest.mark.parametrize("run", ["中", "\u3000中", "\ufe0f", "👍\ufe0f", "AB", "1A", "1.", "a.", "@a"])
def test_no_text_is_searched_for_ever(translator: Translator, run: str) -> None:
    found = translator.translate(f"a {run * 400}b dog", beam_size=1, max_length=2)
    assert isinstance(found.text, str)


@pytest.mark.parametrize("run", ["中", "中 ", " ", "\u3000", "-", "1:"])
def test_a_long_run_is_not_searched_again_from_every_place(translator: Translator, run: str) -> None:
    pieces = SourceReader(translator.tokenizer, [], 200).read(f"a {run * 50_000}b dog", "en")
    read = [token for piece in pieces if not isinstance(piece, str) for part in piece for token in part.tokens[:-1]]
    assert translator.tokenizer.decode(read).endswith("b dog")


@pytest.mark.parametrize(("source", "target"), [("en", "xx"), ("xx", "de"), ("de", "de"), ("de", "en"), ("", "")])
def test_a_direction_it_does_not_know_is_refused(translator: Translator, source: str, target: str) -> None:
    with pytest.raises(InputError, match="it does: en-de"):
        translator.translate("a dog", source=source, target=target)


def test_the_same_language_twice_is_refused_when_it_was_named(both_ways: Translator) -> None:
    with pytest.raises(InputError, match="both 'de'"):
        both_ways.translate("ein Hund", source="de", target="de")


@pytest.mark.parametrize(
    ("setting", "name"),
    [({"beam_size": 0}, "beam_size"), ({"n_best": 9}, "n_best"), ({"colour": 1}, "colour"), ({"top_p": 2}, "top_p")],
)
def test_an_impossible_search_is_refused_by_name(translator: Translator, setting: dict[str, Any], name: str) -> None:
    with pytest.raises(InputError, match=name):
        translator.translate("a dog", **setting)


def test_the_loss_is_the_cross_entropy_of_the_real_tokens(translator: Translator) -> None:
    rows = [{"source": text, "target": other} for text, other in zip(TEXTS, TEXTS[::-1], strict=True)]
    examples = [translator.example(row) for row in rows]
    together = translator.loss(translator.collate(examples))
    by_hand, counted = 0.0, 0
    for example in examples:
        memory = translator.network.encode(torch.tensor([example["source"]]), torch.tensor([len(example["source"])]))
        state = translator.network.decoder.start(memory)
        for before, wanted in zip(example["target"], example["target"][1:], strict=False):
            logits, state = translator.network.decoder.step(torch.tensor([[before]]), state)
            by_hand -= logits[0, 0].log_softmax(-1)[wanted].item()
            counted += 1
    assert float(together.total) == pytest.approx(by_hand)
    assert together.count == counted


def test_label_smoothing_is_for_training_only(translator: Translator) -> None:
    batch = translator.collate([translator.example({"source": "a dog", "target": "snow"})])
    plain = float(translator.loss(batch).total)
    config = replace(translator.config, dropout=0.0, label_smoothing=0.2)
    smooth = Translator(config, translator.tokenizer)
    smooth.network.double().load_state_dict(translator.network.state_dict())
    assert float(smooth.loss(batch).total) != pytest.approx(plain)
    smooth.network.eval()
    assert float(smooth.loss(batch).total) == pytest.approx(plain)


def test_predict_answers_rows_in_order(translator: Translator) -> None:
    assert [found.text for found in translator.predict(TEXTS, beam_size=1)] == [
        found.text for found in translator.translate(TEXTS, beam_size=1)
    ]


def test_scores_use_the_references(translator: Translator) -> None:
    found = translator.translate(TEXTS)
    exact = translator.compute_metrics(found, [{"target": one.text} for one in found])
    assert exact["chrf"] == pytest.approx(100)
    assert translator.compute_metrics(found, [{"target": "etwas ganz anderes"} for _ in found])["bleu"] < 5
    assert math.isfinite(exact["bleu"])


def test_a_score_is_the_log_probability_over_the_length_penalty(translator: Translator) -> None:
    for text in TEXTS:
        plain = translator.translate(text, beam_size=1, length_penalty=0.0)
        written = sum(map(math.log, plain.token_probabilities))
        finished = len(plain.tokens) < min(translator.config.max_target_length, 2 * len(plain.source_tokens) + 10)
        assert plain.score < written if finished else plain.score == pytest.approx(written)
        penalized = translator.translate(text, beam_size=1, length_penalty=1.0)
        assert penalized.score == pytest.approx(plain.score / ((5 + len(plain.tokens) + finished) / 6))


def test_the_mark_says_which_language_is_wanted(both_ways: Translator) -> None:
    german, english = both_ways.translate("a dog"), both_ways.translate("a dog", source="de", target="en")
    assert (german.source_tokens[0], english.source_tokens[0]) == ("<2de>", "<2en>")
    assert german.source_tokens[1:] == english.source_tokens[1:]
    assert said(german) != said(english)
    for text in ("<2en> a dog", "<2de><2en>"):
        assert both_ways.translate(text).source_tokens.count("<2en>") == 0


def test_rows_say_their_languages_or_are_of_the_first_direction(both_ways: Translator) -> None:
    turned = {"source": "snow", "target": "a dog", "source_lang": "de", "target_lang": "en"}
    plain = {"source": "snow", "target": "a dog", "source_lang": None, "target_lang": ""}
    assert both_ways.example(turned)["source"][0] == both_ways.tokenizer.special_token_id("<2en>")
    assert both_ways.example(plain)["source"][0] == both_ways.tokenizer.special_token_id("<2de>")
    with pytest.raises(InputError, match="from 'fr' to 'en'"):
        both_ways.example({**turned, "source_lang": "fr"})
    texts, languages = both_ways.inputs([plain, turned, plain])
    found = both_ways.predict(texts, beam_size=1, **cast(Any, languages))
    assert [result.source_tokens[0] for result in found] == ["<2de>", "<2en>", "<2de>"]
    assert said(found[1]) == said(both_ways.translate("snow", source="de", target="en", beam_size=1))


def test_what_is_too_long_to_learn_from_is_cut(both_ways: Translator) -> None:
    example = both_ways.example({"source": "dog " * 200, "target": "snow " * 200})
    assert len(example["source"]) == both_ways.config.max_source_length + 1
    assert len(example["target"]) == both_ways.config.max_target_length + 2
    assert example["source"][-1] == example["target"][-1] == both_ways.tokenizer.eos_id


def padded_loss(task: Translator, texts: list[str], more: int) -> Any:
    """The loss of texts that translate to themselves, with more padding than they need."""
    batch = dict(task.collate([task.example({"source": text, "target": text}) for text in texts]))
    for name in ("source", "target"):
        batch[name] = torch.nn.functional.pad(batch[name], (0, more), value=task.tokenizer.pad_id)
    return task.loss(batch)


def test_neither_company_nor_padding_changes_the_loss_or_its_gradient(both_ways: Translator) -> None:
    def gradient(*batches: tuple[list[str], int]) -> tuple[float, int, torch.Tensor]:
        both_ways.network.zero_grad()
        losses = [padded_loss(both_ways, texts, more) for texts, more in batches]
        sum(loss.total for loss in losses).backward()
        grads = [weight.grad.flatten() for weight in both_ways.network.parameters() if weight.grad is not None]
        return sum(float(loss.total) for loss in losses), sum(loss.count for loss in losses), torch.cat(grads)

    total, counted, wanted = gradient((TEXTS, 0))
    for batches in ([(TEXTS[::-1], 7)], [([text], 0) for text in TEXTS], [(TEXTS[:2], 3), (TEXTS[2:], 0)]):
        found = gradient(*batches)
        assert found[0] == pytest.approx(total, rel=1e-5)
        assert found[1] == counted
        assert torch.allclose(found[2], wanted, rtol=1e-4, atol=1e-4)


def test_smoothed_labels_are_what_they_are_by_hand(both_ways: Translator) -> None:
    example = both_ways.example({"source": "a dog", "target": "snow"})
    batch = both_ways.collate([example])
    memory = both_ways.network.encode(batch["source"], batch["source_lengths"])
    chances = both_ways.network.decoder(batch["target"][:, :-1], memory).logits[0].log_softmax(-1)
    by_hand = -sum(
        0.9 * chances[place, token] + 0.1 * chances[place].mean() for place, token in enumerate(example["target"][1:])
    )
    both_ways.network.train()
    found = float(both_ways.loss(batch).total)
    both_ways.network.eval()
    assert found == pytest.approx(float(by_hand), rel=1e-5)


@pytest.mark.parametrize(
    "setting",
    [
        {"banned_tokens": (99_999,)},
        {"forced_prefix": (99_999,)},
        {"max_length": (3, 4)},
        {"max_length": -1},
        {"eos": 5},
        {"temperature": 0.0, "do_sample": True},
        {"length_penalty": math.nan},
        {"beam_size": 2.5},
        {"seed": -1},
    ],
    ids=str,
)
def test_a_setting_that_only_the_search_finds_impossible_is_refused_too(
    translator: Translator, setting: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match=next(iter(setting)).split("_")[0] + "|token 99999"):
        translator.translate(["a dog", "snow"], **setting)


def test_settings_do_not_undo_what_keeps_answers_right(translator: Translator) -> None:
    empty, found = translator.translate(["", "a dog runs ."], max_length=2, beam_size=2)
    assert empty.text == ""
    assert len(found.tokens) <= 2
    dog = tuple(translator.tokenizer.encode("dog"))
    for found in translator.translate(TEXTS, n_best=5, banned_tokens=dog):
        for one in (found, *found.alternatives):
            assert not {"<unk>", "<pad>", "<s>", *translator.tokenizer.ids_to_tokens(dog)} & set(one.tokens)


def test_nothing_special_is_ever_written(both_ways: Translator) -> None:
    for seed in range(5):
        for found in both_ways.translate(TEXTS, do_sample=True, temperature=5.0, seed=seed):
            assert not {"<unk>", "<pad>", "<s>", "</s>", "<2de>", "<2en>"} & set(found.tokens)


def test_a_line_that_fills_a_book_does_not_fill_the_memory(translator: Translator) -> None:
    found = translator.translate("a dog runs . " * 8_000, beam_size=1, batch_size=256)
    assert len(found.tokens) > 3_000
    assert len(found.source_tokens) > 30_000
    assert found.attention.shape == (0, len(found.source_tokens))


@pytest.mark.parametrize(
    "wrong",
    [{"directions": ["ende"]}, {"directions": []}, {"vocab_size": "many"}, {"max_source_length": 1}, {"dropout": 2}],
    ids=str,
)
def test_a_configuration_that_makes_no_sense_is_damaged(wrong: dict[str, Any], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(Path(__file__).parents[1] / "fixtures" / "translator-v1", tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, **wrong}), encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"config\.json is damaged"):
        Translator.from_pretrained(folder)
