"""What a frozen image network gives of each frame: worked out once, it is all that training needs of a video."""

from contextlib import closing
from functools import partial

import torch
from torch import Tensor

from seqcore.media.ahead import read_ahead
from seqcore.media.cache import weight_key
from seqcore.media.clips import Clip, ClipReader
from seqcore.media.video import open_video
from seqcore.nn.frames import PretrainedFrameEncoder
from seqcore.tasks.video.classifier import FrameClassifier
from seqcore.tasks.video.reading import read_chunks, without_margin
from seqcore.tasks.video.sampling import FramesRead


def frozen_reader(classifier: FrameClassifier) -> ClipReader | None:
    """Reads that of videos, in half precision, from now on with the network in evaluation mode.

    None where the image network is trained, or is none that sees each frame by itself.
    """
    encoder = classifier.network.encoder
    if not isinstance(encoder, PretrainedFrameEncoder) or any(weight.requires_grad for weight in encoder.parameters()):
        return None
    classifier.network.eval()
    key = f"{classifier.config.image} {weight_key(encoder.state_dict().items())}"
    return ClipReader(partial(_read, classifier), encoder.output_size, key)


@torch.inference_mode()
def _read(classifier: FrameClassifier, video: str | bytes) -> Clip:
    parts: list[Tensor] = []
    read = FramesRead()
    with open_video(video) as film:
        with closing(read_ahead(read_chunks(film, classifier.view, 0.0, read))) as chunks:
            for chunk in chunks:
                frames = without_margin(chunk, classifier.config).to(classifier.device)
                parts.append(classifier.network.encoder(frames.unsqueeze(0))[0].to(torch.float16).cpu())
        return Clip(torch.cat(parts), tuple(read.times), film.fps, film.end)
