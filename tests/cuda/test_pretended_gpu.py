"""Everything gives on a GPU what it gives on the CPU: seen without one, on a device that refuses what a GPU refuses."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from device_verbs import ROWS, TEXTS, answers, assert_alike, batch_of, gradients, training
from pretended_gpu import GPU, GpuTensor, PretendedGpu, gpu_autocast, pretended_gpu
from tiny_captioner import picture
from tiny_videos import colours, write_video

import seqcore
from apps.inside.readings import read
from seqcore.decoding.sampling import new_generator
from seqcore.explain import gradient_flow, integrated_gradients
from seqcore.nn import LSTMStack, LSTMState, PlainRNN
from seqcore.nn.precision import recurrent_precision
from seqcore.tasks.captioning import self_critical
from seqcore.tasks.captioning.rows import ImageFeatures
from seqcore.training.accelerator import on_training_device, training_device
from seqcore.training.settings import TrainingSettings

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
TEXT_MODELS = ("translator-v1", "sentiment-v1", "language-model-v1")
EXACT = 1e-5


@pytest.fixture
def gpu() -> Iterator[PretendedGpu]:
    with pretended_gpu() as device:
        yield device


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    write_video(path, colours(["red", "green", "blue"] * 3))
    return str(path)


def both(checkpoint: Path) -> tuple[Any, Any]:
    return seqcore.load(checkpoint, device="cpu"), seqcore.load(checkpoint, device="cuda")


@pytest.mark.parametrize(
    "mixed",
    [
        lambda x: x + torch.ones(3),
        lambda x: torch.ones(3)[x],
        lambda x: torch.cat([x, torch.ones(3)]),
        lambda x: x.numpy(),
    ],
)
def test_the_device_refuses_what_a_gpu_refuses(gpu: PretendedGpu, mixed: Callable[[Any], Any]) -> None:
    with pytest.raises((RuntimeError, TypeError)):
        mixed(torch.arange(3, device="cuda"))


@pytest.mark.parametrize(
    "name", [*(pytest.param(name, marks=pytest.mark.slow) for name in TEXT_MODELS[:2]), TEXT_MODELS[2]]
)
def test_verbs_of_texts_give_what_the_cpu_gives(gpu: PretendedGpu, name: str) -> None:
    on_cpu, on_gpu = both(FIXTURES / name)
    assert on_gpu.device == GPU
    assert_alike(answers(on_gpu), answers(on_cpu), EXACT)
    assert all(call.exact for call in gpu.calls if call.name != "lstm_cell")


@pytest.mark.slow
def test_verbs_of_images_and_films_give_what_the_cpu_gives(gpu: PretendedGpu, film: str) -> None:
    for name, files in (("captioner-v1", [picture("red"), picture("blue")]), ("video-v1", [film])):
        on_cpu, on_gpu = both(FIXTURES / name)
        assert_alike(answers(on_gpu, files), answers(on_cpu, files), EXACT)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["translator", "sentiment", "language-model", "captioner", "video-shots", "video-lipreading"]
)
def test_bundled_models_give_what_they_give_on_the_cpu(gpu: PretendedGpu, name: str) -> None:
    kind = {"captioner": "apps/captioner/examples/*.jpg", "video-shots": "apps/video/examples/film-1.mp4"}
    files = sorted(map(str, ROOT.glob(kind.get(name, "apps/video/examples/film-2.mp4"))))
    on_cpu, on_gpu = both(ROOT / "checkpoints" / name)
    assert_alike(answers(on_gpu, files), answers(on_cpu, files))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["translator", "sentiment", "language-model", "captioner", "video-shots"])
def test_the_course_looks_into_models_as_it_does_on_the_cpu(gpu: PretendedGpu, name: str) -> None:
    files = {"captioner": "apps/captioner/examples/cat.jpg", "video-shots": "apps/video/examples/film-1.mp4"}
    source = str(ROOT / files[name]) if name in files else TEXTS[1]
    on_cpu, on_gpu = (read(task, source) for task in both(ROOT / "checkpoints" / name))
    assert (on_gpu.answer, on_gpu.steps) == (on_cpu.answer, on_cpu.steps)
    for mine, wanted in zip(on_gpu.tracks, on_cpu.tracks, strict=True):
        assert_alike(mine.trace.forget, wanted.trace.forget)


@pytest.mark.parametrize("name", TEXT_MODELS)
def test_no_recurrent_layer_runs_under_autocast(gpu: PretendedGpu, name: str) -> None:
    on_cpu, on_gpu = both(FIXTURES / name)
    rows = ROWS[on_cpu.name]
    with training(on_cpu), training(on_gpu):
        wanted = gradients(on_cpu, batch_of(on_cpu, rows, "cpu"))
        batch = batch_of(on_gpu, rows, "cuda")
        exact = gradients(on_gpu, batch)
        gpu.calls.clear()
        with gpu_autocast():
            mixed = gradients(on_gpu, batch)
    assert gpu.calls
    assert not any(call.autocast or call.exact for call in gpu.calls)
    assert {call.dtype for call in gpu.calls} == {torch.float32}
    assert_alike(exact, wanted, 1e-4)
    assert {weight.dtype for weight in mixed.values()} == {torch.float32}
    for weight, gradient in wanted.items():
        torch.testing.assert_close(mixed[weight], gradient, rtol=0.1, atol=0.1 * float(gradient.abs().max()) + 1e-6)


@pytest.mark.slow
def test_gradients_of_a_tiny_loss_are_those_of_a_great_one(gpu: PretendedGpu) -> None:
    task = seqcore.load(FIXTURES / "translator-v1", device="cuda")
    with training(task), gpu_autocast():
        batch = batch_of(task, ROWS["translation"], "cuda")
        whole, tiny = gradients(task, batch), gradients(task, batch, 1e-8)
    for name, gradient in whole.items():
        torch.testing.assert_close(
            tiny[name] * 1e8, gradient, rtol=0.05, atol=0.02 * float(gradient.abs().max()) + 1e-9
        )


def test_states_stay_in_single_precision_between_chunks_packed_or_not(gpu: PretendedGpu) -> None:
    torch.manual_seed(0)
    for settings in ({}, {"bidirectional": True}, {"weight_dropout": 0.3}):
        stack = LSTMStack(5, 4, 2, **settings).to("cuda")
        x = torch.randn(3, 6, 5, device="cuda")
        half = LSTMState(*(part.bfloat16() for part in stack.initial_state(3, x)))
        for lengths in (None, torch.tensor([6, 2, 0])):
            with gpu_autocast():
                values, state = stack(x.bfloat16(), lengths, half)
                values.sum().backward()
            assert {values.dtype, state.h.dtype, state.c.dtype} == {torch.float32}
            assert all(weight.grad is not None for weight in stack.parameters())
    assert not any(call.autocast for call in gpu.calls)
    one_way = LSTMStack(5, 4, 2).to("cuda")
    with gpu_autocast():
        y, state = one_way.step(torch.randn(3, 5, device="cuda").bfloat16(), one_way.initial_state(3, x))
    assert {y.dtype, state.c.dtype} == {torch.float32}
    assert not gpu.calls[-1].autocast


@pytest.mark.parametrize(("precision", "dtype", "autocast"), [("bfloat16", "bfloat16", 0), ("autocast", "float32", 1)])
def test_what_a_recurrent_layer_computes_in_can_be_chosen(
    gpu: PretendedGpu, precision: Any, dtype: str, autocast: int
) -> None:
    for network in (LSTMStack(5, 4, 2).to("cuda"), PlainRNN(5, 4, 2).to("cuda")):
        gpu.calls.clear()
        with gpu_autocast(), recurrent_precision(precision):
            values, _ = network(torch.randn(3, 6, 5, device="cuda"), torch.tensor([6, 2, 3]))
        assert {(call.dtype, call.autocast) for call in gpu.calls} == {(getattr(torch, dtype), bool(autocast))}
        assert values.dtype == torch.float32


def test_gradients_in_evaluation_mode_are_taken_of_calls_that_keep_what_they_need(gpu: PretendedGpu) -> None:
    torch.manual_seed(0)
    for network in (LSTMStack(3, 4, 2).eval(), PlainRNN(3, 4, 2).eval()):
        x, direction = torch.randn(2, 7, 3), torch.eye(4)[0]
        wanted = gradient_flow(network, x, direction)
        assert_alike(gradient_flow(network.to("cuda"), x.to("cuda"), direction.to("cuda")).norms.cpu(), wanted.norms)
        with torch.inference_mode():
            network(x.to("cuda"))
        assert not gpu.calls[-1].train  # An answer alone keeps nothing.
    stack = LSTMStack(3, 4).eval()
    with torch.no_grad():
        whole = integrated_gradients(lambda x: stack(x)[0].sum((1, 2)), torch.randn(1, 5, 3), torch.zeros(1, 5, 3))
    assert len(whole[1]) == 5


def test_a_loss_in_evaluation_mode_has_gradients(gpu: PretendedGpu) -> None:
    task = seqcore.load(FIXTURES / "language-model-v1", device="cuda")
    assert gradients(task, batch_of(task, ROWS["language-model"], "cuda"))


def test_samples_are_drawn_where_the_model_is(gpu: PretendedGpu, monkeypatch: pytest.MonkeyPatch) -> None:
    on_cpu, on_gpu = both(FIXTURES / "language-model-v1")
    devices: list[str] = []

    def noted(device: torch.device, seed: int | None) -> torch.Generator:
        devices.append(device.type)
        return new_generator(device, seed)

    monkeypatch.setattr("seqcore.decoding.sampling.new_generator", noted)
    assert on_gpu.write("a", seed=1, max_length=5) == on_cpu.write("a", seed=1, max_length=5)
    assert list(on_gpu.stream(TEXTS[0], seed=1, max_length=3, top_k=5, top_p=0.9))
    assert devices == ["cuda", "cpu", "cuda"]


@pytest.mark.slow
def test_rewards_of_samples_train(gpu: PretendedGpu) -> None:
    task: Any = seqcore.load(FIXTURES / "captioner-v1", device="cuda")
    grids = task.grids([picture("red"), picture("blue")])
    assert isinstance(grids, GpuTensor)
    rows = [
        {"image": ImageFeatures(grid.cpu()), "captions": captions}
        for grid, captions in zip(grids, (["a red square", "red"], ["a blue square"]), strict=True)
    ]
    with training(task), gpu_autocast():
        assert gradients(task, batch_of(task, rows, "cuda"))
        assert gradients(task, batch_of(task, self_critical(task, rows, 2), "cuda"))
    assert not any(call.autocast for call in gpu.calls)


@pytest.mark.slow
def test_films_train(gpu: PretendedGpu, film: str) -> None:
    task: Any = seqcore.load(FIXTURES / "video-v1", device="cuda")
    batch = batch_of(task, [{"video": film, "segments": [(0.0, None, "red")]}] * 2, "cuda")
    task.flips = task.time_mask = True
    task.class_weights = torch.ones(3)
    task.bptt = 4
    with training(task), gpu_autocast():
        assert gradients(task, batch)
    assert float(task.loss(batch).total) > 0


def test_what_is_worked_out_before_training_is_worked_out_where_that_will_be(gpu: PretendedGpu) -> None:
    task = seqcore.load(FIXTURES / "captioner-v1", device="cpu")
    for accelerator, place in (("auto", "cuda"), ("gpu", "cuda"), ("cpu", "cpu"), ("tpu", "cpu")):
        settings = TrainingSettings(accelerator=accelerator)
        assert training_device(settings).type == place
        with on_training_device(task, settings):
            assert task.device.type == place
        assert task.device.type == "cpu"
