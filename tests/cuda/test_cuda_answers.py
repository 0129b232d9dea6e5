"""Every verb of every bundled model gives on a GPU what it gives on the CPU."""

from pathlib import Path
from typing import Any

import pytest
import torch
from device_verbs import TEXTS, answers, assert_alike

import seqcore

pytestmark = pytest.mark.cuda
ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "captioner": "apps/captioner/examples/*.jpg",
    "video-shots": "apps/video/examples/film-1.mp4",
    "video-lipreading": "apps/video/examples/film-2.mp4",
}
MODELS = ("translator", "sentiment", "language-model", *FILES)


def both(model: str) -> tuple[Any, Any]:
    folder = ROOT / "checkpoints" / model
    return seqcore.load(folder, device="cpu"), seqcore.load(folder, device="cuda")


@pytest.mark.parametrize("model", MODELS)
def test_answers_are_the_cpus_but_for_ties(model: str) -> None:
    files = sorted(map(str, ROOT.glob(FILES[model]))) if model in FILES else []
    on_cpu, on_gpu = both(model)
    assert_alike(answers(on_gpu, files), answers(on_cpu, files))


@pytest.mark.parametrize("model", MODELS)
def test_half_precision_answers(model: str) -> None:
    files = sorted(map(str, ROOT.glob(FILES[model]))) if model in FILES else []
    for dtype in (torch.bfloat16, torch.float16):
        assert answers(seqcore.load(ROOT / "checkpoints" / model, device="cuda", dtype=dtype), files)


def test_a_seed_draws_alike_and_in_any_company() -> None:
    _, model = both("language-model")
    one, again, other = (model.write("The film", seed=seed, max_length=20) for seed in (1, 1, 2))
    assert one == again != other
    _, translator = both("translator")
    options = {"source": "en", "target": "de", "do_sample": True, "seed": 3}
    alone, together = translator.translate(TEXTS[1], **options), translator.translate(list(TEXTS), **options)[1]
    assert alone.text == together.text


def test_torchs_own_setting_is_as_it_was() -> None:
    cudnn: Any = torch.backends.cudnn
    before = cudnn.rnn.fp32_precision, cudnn.conv.fp32_precision, cudnn.enabled
    _, captioner = both("captioner")
    captioner.caption(str(ROOT / "apps/captioner/examples/cat.jpg"))
    assert (cudnn.rnn.fp32_precision, cudnn.conv.fp32_precision, cudnn.enabled) == before
