"""The sentiment classifier: what it reads, how sure it is, and why."""

import json
import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import seqcore
from seqcore import metrics
from seqcore.errors import DataError, InputError, SettingsError
from seqcore.explain import integrated_gradients
from seqcore.nn import LSTMEncoder, concat_pooling, concat_pooling_of_prefixes, pool
from seqcore.tasks.language import LanguageModel, LanguageModelConfig
from seqcore.tasks.sentiment import (
    SentimentClassifier,
    SentimentConfig,
    labels_of,
)
from seqcore.tasks.sentiment.network import CHUNK
from seqcore.text import Tokenizer
from seqcore.training import TrainingSettings
from seqcore.training.module import TaskModule

FIXTURES = Path(__file__).parents[1] / "fixtures"
TEXTS = ["The film was good, and the music too.", "It was a bad film.", "Nobody liked the end of it, I think."] * 4
ROWS = [{"text": text} for text in TEXTS]
TINY = SentimentConfig(vocab_size=330, embedding_size=12, hidden_size=16, head_size=8)


def lively(classifier: SentimentClassifier) -> SentimentClassifier:
    """With weights so large that its answers differ."""
    torch.manual_seed(1)
    for weight in classifier.network.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, std=0.35)
    classifier.network.eval()
    return classifier


@pytest.fixture(scope="module")
def classifier() -> SentimentClassifier:
    return lively(SentimentClassifier.create(TINY, ROWS))


# Many to one


def test_pooling_is_last_mean_and_maximum_of_what_is_real() -> None:
    torch.manual_seed(0)
    values, lengths = torch.randn(4, 7, 3), torch.tensor([7, 4, 1, 0])
    pooled = concat_pooling(pool(values, lengths))
    for row, length in enumerate(lengths.tolist()[:3]):
        real = values[row, :length]
        torch.testing.assert_close(pooled[row], torch.cat([real[-1], real.mean(0), real.amax(0)]))
    assert pooled[3].tolist() == [0.0] * 9


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pooling_in_chunks_is_pooling_of_the_whole(size: int) -> None:
    torch.manual_seed(0)
    values, lengths = torch.randn(4, 7, 3), torch.tensor([7, 4, 1, 0])
    state = None
    for begin in range(0, 7, size):
        state = pool(values[:, begin : begin + size], (lengths - begin).clamp(0, size), state)
    assert state is not None
    torch.testing.assert_close(concat_pooling(state), concat_pooling(pool(values, lengths)))


def test_pooling_of_prefixes_is_pooling_of_each() -> None:
    values = torch.randn(2, 5, 3)
    found = concat_pooling_of_prefixes(values)
    for step in range(1, 6):
        torch.testing.assert_close(found[:, step - 1], concat_pooling(pool(values, torch.tensor([step, step]))))


# Reading


def test_a_batch_of_texts_gives_the_answers_of_each_alone(classifier: SentimentClassifier) -> None:
    chance = random.Random(0)
    texts = [" ".join(chance.choices(" ".join(TEXTS).split(), k=chance.randint(0, 60))) for _ in range(20)]
    together = classifier.classify(texts, batch_size=7)
    for text, result in zip(texts, together, strict=True):
        alone = classifier.classify(text)
        assert alone.label == result.label
        assert alone.probabilities == pytest.approx(result.probabilities, abs=1e-6)
    assert len({round(result.probabilities["positive"], 3) for result in together}) > 10


def test_a_long_text_is_read_in_chunks_as_if_in_one_go(classifier: SentimentClassifier) -> None:
    torch.manual_seed(0)
    tokens = torch.randint(4, len(classifier.tokenizer), (3, 2 * CHUNK + 300))
    lengths = torch.tensor([2 * CHUNK + 300, CHUNK, 5])
    with torch.no_grad():
        whole = classifier.network.logits(tokens, lengths)
        torch.testing.assert_close(classifier.network.logits_in_chunks(tokens, lengths), whole, atol=1e-4, rtol=1e-4)
        alone = classifier.network.logits(tokens[2:, :5], lengths[2:])
    torch.testing.assert_close(alone, whole[2:], atol=1e-5, rtol=1e-4)


def test_the_beginning_of_a_long_text_counts(classifier: SentimentClassifier) -> None:
    tail = "the music was good " * 400
    one, other = classifier.classify([f"bad bad bad {tail}", f"I liked {tail}"])
    assert one.characters_cut == other.characters_cut == 0
    assert one.probabilities["positive"] != other.probabilities["positive"]


def test_what_is_cut_is_said(classifier: SentimentClassifier) -> None:
    short = SentimentClassifier(replace(classifier.config, max_length=20), classifier.tokenizer)
    text = "the music was good " * 10
    result = short.classify(text)
    assert 0 < result.characters_cut < len(text)
    assert text.startswith(result.text)
    assert result.characters_cut == len(text.strip()) - len(result.text)
    assert short.to_dict(result)["characters_cut"] == result.characters_cut


@pytest.mark.parametrize(
    "text",
    ["", " \n\t ", "😀", "\0", "<b></b>", "<script>alert(1)</script>", "<!DOCTYPE html><html><body>good</body></html>",
     "Ελληνικά", "שלום עולם", "a" * 5000, "\ud800", "e\u0301" * 50, "= 1 + 1", "12", "NaN"],
)  # fmt: skip
def test_any_text_gets_probabilities(text: str, classifier: SentimentClassifier) -> None:
    result = classifier.classify(text, explain=True)
    assert sum(result.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert result.label in classifier.config.labels
    assert "".join(result.tokens) == result.text or not result.tokens


def test_ten_megabytes_are_cut_at_the_limit(classifier: SentimentClassifier) -> None:
    text = "the music was good and " * 450_000
    result = classifier.classify(text)
    assert result.characters_cut > 9_000_000
    assert len(classifier.tokens(result.text)) == classifier.config.max_length


def test_markup_stays_text(classifier: SentimentClassifier) -> None:
    result = classifier.classify("I <b>liked</b> it <script>alert('x')</script>", explain=True)
    assert result.text == "I liked it <script>alert('x')</script>"
    assert "".join(result.tokens) == result.text


@pytest.mark.parametrize("wrong", [None, 3, b"good", ["good"]])
def test_what_is_no_text_is_refused(wrong: Any, classifier: SentimentClassifier) -> None:
    with pytest.raises(InputError, match="must be a string"):
        classifier.classify([wrong])


@pytest.mark.parametrize("wrong", [{"unsure_below": 1.5}, {"batch_size": 0}])
def test_a_setting_out_of_range_is_refused(wrong: dict[str, Any], classifier: SentimentClassifier) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        classifier.classify(["good"], **wrong)


def test_no_texts_give_no_results(classifier: SentimentClassifier) -> None:
    assert classifier.classify([]) == []


# How sure


def test_a_label_within_the_band_is_unsure(classifier: SentimentClassifier) -> None:
    text = "The film was good"
    probability = classifier.classify(text).probability
    assert classifier.classify(text, unsure_below=probability + 0.01).unsure
    assert not classifier.classify(text, unsure_below=probability - 0.01).unsure


def test_text_of_no_known_language_is_unsure(classifier: SentimentClassifier) -> None:
    known = SentimentClassifier(replace(classifier.config, min_letter_log_likelihood=-3.0), classifier.tokenizer)
    results = known.classify(["The film was good", "Žluťoučký kůň příšerně úpěl ďábelské ódy", "😀"], unsure_below=0)
    assert [result.out_of_domain for result in results] == [False, True, True]
    assert [result.unsure for result in results] == [False, True, True]


def test_calibration_finds_the_temperature_that_is_right(classifier: SentimentClassifier) -> None:
    """Labels drawn from the model's own probabilities at temperature 2 ask for that temperature."""
    made = SentimentClassifier(classifier.config, classifier.tokenizer)
    made.network.load_state_dict(classifier.network.state_dict())
    made.network.eval()
    chance = random.Random(0)
    words = " ".join(TEXTS).split()
    texts = [" ".join(chance.choices(words, k=chance.randint(1, 12))) for _ in range(1500)]
    made.config = replace(made.config, temperature=2.0)
    rows = [
        {"text": text, "label": "positive" if chance.random() < result.probabilities["positive"] else "negative"}
        for text, result in zip(texts, made.classify(texts), strict=True)
    ]
    made.config = replace(made.config, temperature=1.0)
    before = made.evaluate(rows)["ece"]
    made.finish_training(rows)
    after = made.evaluate(rows)["ece"]
    assert made.config.temperature == pytest.approx(2.0, rel=0.25)
    assert after < before
    flagged = sum(result.out_of_domain for result in made.predict([row["text"] for row in rows]))
    assert flagged <= 0.004 * len(rows)


def test_classification_scores_by_hand() -> None:
    probabilities = [[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8]]
    scores = metrics.classification_scores(probabilities, [0, 1, 1, 1])
    assert scores["accuracy"] == 75
    assert scores["confusion"] == [[1, 0], [1, 2]]
    assert scores["macro_f1"] == pytest.approx(100 * (2 / 3 + 4 / 5) / 2)
    # Four bins with one prediction each: |0.9 − 1|, |0.6 − 0|, |0.7 − 1|, |0.8 − 1|.
    assert scores["ece"] == pytest.approx(100 * (0.1 + 0.6 + 0.3 + 0.2) / 4)


def test_reliability_counts_every_prediction_once() -> None:
    chance = random.Random(0)
    rows = [[value, 1 - value] for value in (chance.random() for _ in range(200))] + [[1.0, 0.0]]
    bins = metrics.reliability(rows, [0] * 201)
    assert sum(count for count, _, _ in bins) == 201
    assert bins[-1][0] >= 1


def test_several_labels_are_scored_each() -> None:
    scores = metrics.multi_label_scores([[0.9, 0.2], [0.4, 0.6]], [[1.0, 0.0], [1.0, 1.0]])
    assert scores["accuracy"] == 75
    assert scores["macro_f1"] == pytest.approx(100 * (2 / 3 + 1) / 2)


# Why


@pytest.mark.parametrize("text", ["The film was good", "bad " * 30 + "but nobody liked it, I think", "x"])
def test_baseline_and_contributions_are_the_logit(text: str, classifier: SentimentClassifier) -> None:
    result = classifier.classify(text, explain=True)
    assert result.logit == pytest.approx(math.log(result.probability / (1 - result.probability)), abs=1e-3)
    assert result.baseline + sum(result.attributions) == pytest.approx(
        result.logit, abs=0.01 * max(1, abs(result.logit))
    )
    assert len(result.attributions) == len(result.tokens) == len(result.trajectory)
    assert result.tokens[0] == text.split()[0]


def test_the_last_point_of_the_trajectory_is_the_answer(classifier: SentimentClassifier) -> None:
    text = "The film was good, and nobody liked the end."
    result = classifier.classify(text, explain=True)
    assert result.trajectory[-1] == pytest.approx(tuple(result.probabilities.values()), abs=1e-5)
    begun = classifier.classify("The film was")
    assert result.trajectory[2] == pytest.approx(tuple(begun.probabilities.values()), abs=1e-5)


def test_a_text_too_long_to_explain_is_classified(classifier: SentimentClassifier) -> None:
    result = classifier.classify("the music was good " * 600, explain=True)
    assert result.attributions == ()
    assert len(result.tokens) == len(result.trajectory) == 2400


def test_integrated_gradients_of_a_line_are_exact() -> None:
    weights = torch.tensor([[[1.0, -2.0], [0.5, 3.0]]])
    inputs = torch.tensor([[[2.0, 1.0], [4.0, -1.0]]])
    first, parts, value = integrated_gradients(lambda x: (x * weights).sum((1, 2)), inputs, torch.zeros_like(inputs))
    assert (first, value) == (0, -1)
    assert parts == pytest.approx([0, -1])


# Training


def test_every_layer_has_its_own_rate(classifier: SentimentClassifier) -> None:
    settings = TrainingSettings(learning_rate=0.8, layer_decay=0.5)
    groups = TaskModule(classifier, settings, 10).configure_optimizers()["optimizer"].param_groups
    rates = {id(weight): group["initial_lr"] for group in groups for weight in group["params"]}
    assert len(rates) == len(list(classifier.network.parameters()))
    assert rates[id(classifier.network.head[-1].weight)] == 0.8
    assert rates[id(classifier.network.encoder.stack.layers[1].weight_hh_l0)] == 0.4
    assert rates[id(classifier.network.encoder.stack.layers[0].weight_hh_l0)] == 0.2
    assert rates[id(classifier.network.embedding.weight)] == 0.1


# Labels


def test_three_classes_and_their_names(tmp_path: Path) -> None:
    made = lively(SentimentClassifier.create(replace(TINY, labels=("bad", "so-so", "good")), ROWS))
    result = made.classify("The film was good", explain=True)
    assert list(result.probabilities) == ["bad", "so-so", "good"]
    assert result.baseline + sum(result.attributions) == pytest.approx(result.logit, rel=0.01, abs=0.01)
    made.save_pretrained(tmp_path / "saved")
    again = seqcore.load(tmp_path / "saved").classify("The film was good")  # type: ignore[attr-defined]
    assert again.probabilities == pytest.approx(result.probabilities)


def test_several_labels_at_once() -> None:
    made = lively(SentimentClassifier.create(replace(TINY, labels=("joy", "fear", "anger"), multi_label=True), ROWS))
    result = made.classify("The film was good", explain=True)
    assert result.label == "|".join(name for name, value in result.probabilities.items() if value >= 0.5)
    assert made.class_number("anger|joy") == [1.0, 0.0, 1.0]
    assert made.class_number("") == [0.0, 0.0, 0.0]
    rows = [{"text": text, "label": label} for text, label in zip(TEXTS[:3], ["joy", "", "fear|anger"], strict=True)]
    examples = [made.example(row) for row in rows]
    assert made.loss(made.collate(examples)).total.isfinite()
    assert set(made.evaluate(rows)) == {"accuracy", "macro_f1"}
    with pytest.raises(InputError, match="'envy' is no label"):
        made.class_number("joy|envy")


@pytest.mark.parametrize(
    ("label", "number"), [("positive", 1), ("negative", 0), (1, 1), (0, 0)]
)  # fmt: skip
def test_labels_are_names_or_numbers(label: Any, number: int, classifier: SentimentClassifier) -> None:
    assert classifier.class_number(label) == number


@pytest.mark.parametrize("label", ["", "neutral", 2, -1, None, 1.5])
def test_a_label_that_the_model_lacks_is_named(label: Any, classifier: SentimentClassifier) -> None:
    with pytest.raises(InputError, match="no label of this model, which knows negative, positive"):
        classifier.class_number(label)


def test_labels_of_data_are_sorted_numbers_by_size() -> None:
    assert labels_of([{"label": 10}, {"label": 9}, {"label": 9}]) == ("9", "10")
    assert labels_of([{"label": "b"}, {"label": "a"}]) == ("a", "b")
    assert labels_of([{"label": "b|a"}, {"label": ""}], multi_label=True) == ("a", "b")


@pytest.mark.parametrize(
    "wrong",
    [{"labels": ("one",)}, {"labels": ("a", "a")}, {"dropout": 1}, {"temperature": 0}, {"hidden_size": 0},
     {"labels": ("a|b", "c"), "multi_label": True}],
)  # fmt: skip
def test_an_impossible_model_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        SentimentConfig(**wrong)


# From another model


def test_a_classifier_reads_as_its_language_model_does() -> None:
    language_model = LanguageModel.create(LanguageModelConfig(320, 12, 16), ROWS)
    made, kept = SentimentClassifier.adapt(language_model, TINY)
    language_model.network.eval()
    made.network.eval()
    assert kept == len(language_model.tokenizer) == made.config.vocab_size
    tokens = torch.tensor([made.tokens("The film was good")])
    expected, _ = language_model.network.decoder.stack(language_model.network.decoder.embedding(tokens))
    assert isinstance(made.network.encoder, LSTMEncoder)
    torch.testing.assert_close(made.network.encoder(made.network.embed(tokens)).values, expected)


def test_a_new_tokenizer_keeps_the_rows_that_both_have(classifier: SentimentClassifier) -> None:
    tokenizer = Tokenizer.train([*TEXTS, "Der Film war gut, sagt man"] * 3, 340, lowercase=True)
    made, kept = SentimentClassifier.adapt(classifier, TINY, tokenizer)
    shared = [piece for piece in tokenizer.ids_to_tokens(range(len(tokenizer))) if classifier.tokenizer.has(piece)]
    assert kept == len(shared) < len(tokenizer)
    for piece in shared[::20]:
        old = classifier.network.embedding.weight[classifier.tokenizer.token_to_id(piece)]
        assert made.network.embedding.weight[tokenizer.token_to_id(piece)].equal(old)
    for mine, old in zip(made.network.head.parameters(), classifier.network.head.parameters(), strict=True):
        assert mine.equal(old)


def test_other_labels_get_other_classes(classifier: SentimentClassifier) -> None:
    made, _ = SentimentClassifier.adapt(classifier, replace(TINY, labels=("a", "b", "c")))
    assert made.network.head[-1].out_features == 3
    name = "stack.layers.1.weight_hh_l0"
    assert made.network.encoder.get_parameter(name).equal(classifier.network.encoder.get_parameter(name))


def test_a_damaged_temperature_is_refused(classifier: SentimentClassifier, tmp_path: Path) -> None:
    classifier.save_pretrained(tmp_path / "saved")
    config = tmp_path / "saved" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"temperature": -1}))
    with pytest.raises(seqcore.SeqcoreError, match="temperature"):
        seqcore.load(tmp_path / "saved")


# Word vectors


def test_vectors_fill_the_pieces_that_are_words(tmp_path: Path) -> None:
    from seqcore.text.vectors import fill_embedding, read_vectors

    file = tmp_path / "small.txt"
    file.write_text("the 1 2 3\nfilm 4 5 6\nzebra 7 8 9\n. 0.5 0.5 0.5\n", encoding="utf-8")
    vectors = read_vectors(str(file))
    made = SentimentClassifier.create(replace(TINY, embedding_size=3), ROWS)
    before = made.network.embedding.weight.detach().clone()
    filled = fill_embedding(made.network.embedding, made.tokenizer, vectors)
    number = made.tokenizer.token_to_id("▁film")
    assert made.network.embedding.weight[number].tolist() == [4, 5, 6]
    assert number in filled
    assert made.tokenizer.unk_id not in filled
    others = [i for i in range(len(made.tokenizer)) if i not in filled]
    assert made.network.embedding.weight[others].equal(before[others])
    assert list(tmp_path.iterdir()) == [file]  # no cache is left


def test_vectors_with_a_header_are_read_as_fasttext_writes_them(tmp_path: Path) -> None:
    from seqcore.text.vectors import read_vectors

    file = tmp_path / "small.vec"
    file.write_text("2 3\nthe 1 2 3\nfilm 4 5 6\n", encoding="utf-8")
    vectors = read_vectors(str(file))
    assert vectors.dim == 3
    assert set(vectors.stoi) == {"the", "film"}


@pytest.mark.parametrize("content", ["", "no numbers here\n", "a 1 2\nb 1 2 3\n", "\0\1\2"])
def test_what_holds_no_vectors_is_named(content: str, tmp_path: Path) -> None:
    from seqcore.text.vectors import read_vectors

    file = tmp_path / "wrong.txt"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"wrong\.txt holds no word vectors"):
        read_vectors(str(file))
    with pytest.raises(DataError, match="there is no file"):
        read_vectors(str(tmp_path / "missing.txt"))


def test_reading_vectors_leaves_the_check_of_certificates_on(tmp_path: Path) -> None:
    import ssl

    from seqcore.text.vectors import read_vectors

    file = tmp_path / "small.txt"
    file.write_text("the 1 2 3\nfilm 4 5 6\n", encoding="utf-8")
    before = ssl._create_default_https_context
    read_vectors(str(file))
    assert ssl._create_default_https_context is before


# The first checkpoint


@pytest.mark.parametrize("case", json.loads((FIXTURES / "sentiment-v1.expected.json").read_text("utf-8")), ids=str)
def test_the_first_checkpoint_answers_as_it_always_did(case: dict[str, Any]) -> None:
    first = seqcore.load(FIXTURES / "sentiment-v1", device="cpu")
    assert isinstance(first, SentimentClassifier)
    result = first.classify(case["text"])
    assert (result.label, result.unsure, result.out_of_domain) == (case["label"], case["unsure"], case["out_of_domain"])
    assert result.probabilities == pytest.approx(case["probabilities"], abs=1e-4)
