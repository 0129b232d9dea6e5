"""The language model, and its training by truncated backpropagation through time."""

from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

import seqcore
from seqcore.errors import DataError, InputError, SettingsError
from seqcore.tasks.language import LanguageModel, LanguageModelConfig
from seqcore.training import stream_loader

TEXTS = ["The film was good, and the music was good.", "It was a bad film.", "Nobody liked the end of it."] * 4
TINY = LanguageModelConfig(
    vocab_size=320, embedding_size=12, hidden_size=16, dropout=0, input_dropout=0, output_dropout=0,
    embedding_dropout=0, weight_dropout=0,
)  # fmt: skip


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    torch.manual_seed(0)
    made = LanguageModel.create(TINY, [{"text": text} for text in TEXTS])
    for weight in made.network.parameters():  # so that its answers differ
        torch.nn.init.uniform_(weight, -0.4, 0.4)
    made.network.eval()
    return made


def test_a_batch_of_texts_is_as_likely_as_each_alone(model: LanguageModel) -> None:
    together = model.score(TEXTS[:3])
    for text, likelihood in zip(TEXTS[:3], together, strict=True):
        (alone,) = model.score([text])
        assert likelihood.tokens == alone.tokens
        torch.testing.assert_close(torch.tensor(likelihood.log_probabilities), torch.tensor(alone.log_probabilities))


def test_probabilities_of_the_next_token_add_up_to_one(model: LanguageModel) -> None:
    begun = model.tokenizer.encode("it was")
    tokens = torch.tensor([[model.tokenizer.bos_id, *begun]])
    wanted = model.network.decoder(tokens).logits[0].detach().log_softmax(-1)
    (likelihood,) = model.score(["It was"])
    expected = wanted[torch.arange(len(begun) + 1), torch.tensor([*begun, model.tokenizer.eos_id])]
    torch.testing.assert_close(torch.tensor(likelihood.log_probabilities), expected)
    assert likelihood.perplexity == pytest.approx(float(expected.mean().neg().exp()), rel=1e-5)


def test_scores_are_over_all_tokens(model: LanguageModel) -> None:
    rows = [{"text": text} for text in TEXTS[:3]]
    results = model.predict(TEXTS[:3])
    values = [value for result in results for value in result.log_probabilities]
    scores = model.compute_metrics(results, rows)
    assert scores["log_likelihood"] == pytest.approx(sum(values) / len(values))
    assert scores["perplexity"] == pytest.approx(float(torch.tensor(-scores["log_likelihood"]).exp()), rel=1e-6)


def test_writing_goes_on_from_the_prompt_and_repeats_with_a_seed(model: LanguageModel) -> None:
    written = model.write("The film", seed=3, max_length=12)
    assert written.startswith("the film")
    assert written == model.write("The film", seed=3, max_length=12)
    assert len({model.write("The film", seed=seed, max_length=12) for seed in range(5)}) > 1
    assert isinstance(model.write(seed=1, max_length=5), str)


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.6, "top_k": 20}, {"top_p": 0.5}, {"max_length": 0}])
def test_a_stream_ends_in_what_is_written(model: LanguageModel, settings: dict[str, Any]) -> None:
    for seed in range(4):
        settings = {"max_length": 15, "seed": seed, **settings}
        shown = list(model.stream("It was", **settings))
        assert shown[-1].text == model.write("It was", **settings)
        assert [len(each.tokens) for each in shown] == list(range(1, len(shown) + 1)) or settings["max_length"] == 0
        for before, after in pairwise(shown):
            assert after.tokens[:-1] == before.tokens
            assert after.text.startswith(before.text.rstrip("�"))


def test_what_else_could_have_been_written_is_told_with_its_probability(model: LanguageModel) -> None:
    for shown in model.stream("It was", seed=1, max_length=6):
        assert shown.log_probabilities is not None
        asked = dict(model.alternatives(shown.log_probabilities, count=len(model.tokenizer)))
        assert sum(asked.values()) == pytest.approx(1, abs=1e-4)
        assert asked[shown.tokens[-1]] == pytest.approx(shown.probabilities[-1], rel=1e-3)
        cold, warm = (model.alternatives(shown.log_probabilities, 3, temperature) for temperature in (0.2, 1.0))
        assert [piece for piece, _ in cold] == [piece for piece, _ in warm]
        assert cold[0][1] > warm[0][1]
        assert model.alternatives(shown.log_probabilities, top_k=1)[0][1] == 1
    assert next(iter(model.stream("It was", max_length=0))).log_probabilities is None


@pytest.mark.parametrize("wrong", [{"temperature": 0}, {"top_p": 2}, {"max_length": -1}, {"seed": "x"}, {"tone": 3}])
def test_settings_out_of_range_are_refused_at_once(model: LanguageModel, wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        model.stream("It was", **wrong)
    with pytest.raises(InputError, match=next(iter(wrong))):
        model.write("It was", **wrong)


def test_a_token_that_the_vocabulary_lacks_is_refused_at_once(model: LanguageModel) -> None:
    for write in (model.write, model.stream):
        with pytest.raises(InputError, match=f"names token {len(model.tokenizer)}, but the model has only"):
            write("It was", banned_tokens=(len(model.tokenizer),))


def test_what_is_no_text_is_refused(model: LanguageModel) -> None:
    with pytest.raises(InputError, match="must be a string"):
        model.score([3])  # type: ignore[list-item]


def test_a_checkpoint_is_the_model_again(model: LanguageModel, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "saved")
    again = seqcore.load(tmp_path / "saved")
    assert isinstance(again, LanguageModel)
    assert again.score(TEXTS[:2]) == model.score(TEXTS[:2])


@pytest.mark.parametrize("wrong", [{"vocab_size": 0}, {"dropout": 1.0}, {"num_layers": "2"}])
def test_an_impossible_model_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        LanguageModelConfig(**wrong)


def examples(model: LanguageModel, count: int = 40) -> list[Any]:
    return [model.example({"text": f"{TEXTS[i % 3]} {'Really. ' * (i % 5)}"}) for i in range(count)]


def test_streams_hold_every_token_once_and_in_order(model: LanguageModel) -> None:
    made = examples(model)
    loader = stream_loader(model, made, batch_tokens=40, bptt=8)
    batches = list(loader)
    assert len(batches) == len(loader)
    rows = torch.cat([batch["tokens"][:, 1:] for batch in batches], 1)
    everything = [token for example in made for token in example["tokens"]]
    assert rows.shape == (5, len(loader) * 8)
    assert rows.flatten().tolist() == everything[1 : rows.numel() + 1]
    for before, after in pairwise(batches):
        assert before["tokens"][:, -1].equal(after["tokens"][:, 0])
    assert [bool(batch["reset"].all()) for batch in batches] == [True] + [False] * (len(batches) - 1)


def test_carried_state_makes_chunks_equal_to_the_whole(model: LanguageModel) -> None:
    """The loss of a stream does not depend on how it is cut; only gradients are."""
    made = examples(model)
    whole = next(iter(stream_loader(model, made, batch_tokens=128, bptt=64)))
    expected = model.loss({"tokens": whole["tokens"]})
    total, counted, state = 0.0, 0, None
    for batch in islice(stream_loader(model, made, batch_tokens=16, bptt=8), 8):
        assert len(batch["tokens"]) == 2
    for begin in range(0, 64, 8):
        chunk = {"tokens": whole["tokens"][:, begin : begin + 9], "reset": torch.full((2,), begin == 0)}
        found = model.loss(chunk, state)
        total, counted, state = total + float(found.total.detach()), counted + found.count, found.state
        assert not state.lstm.h.requires_grad
    assert counted == expected.count
    assert total == pytest.approx(float(expected.total), rel=1e-5)


def test_a_reset_forgets_what_was_carried(model: LanguageModel) -> None:
    batch = next(iter(stream_loader(model, examples(model), batch_tokens=16, bptt=8)))
    state = model.loss(batch).state
    fresh = model.loss(batch)
    assert float(model.loss(batch, state).total) == float(fresh.total)
    going_on = {**batch, "reset": torch.zeros(2, dtype=torch.bool)}
    assert float(model.loss(going_on, state).total) != float(fresh.total)


def test_every_pass_has_its_own_order_and_epochs_go_on(model: LanguageModel) -> None:
    made = examples(model)
    loader = stream_loader(model, made, 40, 8, seed=1)
    first, second = ([batch["tokens"] for batch in loader] for _ in range(2))
    assert not torch.equal(first[0], second[0])
    cut = stream_loader(model, made, 40, 8, seed=1, epoch_steps=len(first) - 1)
    across = [batch["tokens"] for _ in range(2) for batch in cut]
    for mine, theirs in zip(across, first + second, strict=False):
        assert mine.equal(theirs)


def test_a_stream_goes_on_where_another_was(model: LanguageModel) -> None:
    made = examples(model)
    loader = stream_loader(model, made, 40, 8, seed=1)
    batches = iter(loader)
    for _ in range(3):
        next(batches)
    other = stream_loader(model, made, 40, 8, seed=1)
    other.load_state_dict(loader.state_dict())
    assert next(iter(other))["tokens"].equal(next(batches)["tokens"])
    with pytest.raises(SettingsError, match="bptt"):
        stream_loader(model, made, 40, 4, seed=1).load_state_dict(loader.state_dict())


def test_processes_read_the_streams_of_one(model: LanguageModel) -> None:
    made = examples(model)
    whole = list(stream_loader(model, made, 48, 8, seed=2))
    shares = [list(stream_loader(model, made, 48, 8, seed=2, rank=rank, world=2)) for rank in range(2)]
    for batch, one, two in zip(whole, *shares, strict=True):
        assert batch["tokens"][0::2].equal(one["tokens"])
        assert batch["tokens"][1::2].equal(two["tokens"])


def test_too_little_text_for_a_batch_is_named(model: LanguageModel) -> None:
    with pytest.raises(DataError, match="too few for a batch"):
        stream_loader(model, examples(model, 2), batch_tokens=4480, bptt=70)
