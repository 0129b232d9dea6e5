"""The per-frame video classifier: a video in, a label for each of its frames out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, overload

import torch
from torch import Tensor, nn
from typing_extensions import Self

from seqcore.deprecation import Renamed
from seqcore.errors import InputError
from seqcore.media.clips import Clip, read_clip
from seqcore.media.containers import VideoSource, video_files
from seqcore.media.video import VideoReader, View, open_video
from seqcore.metrics import frame_scores
from seqcore.nn.frames import PretrainedFrameEncoder
from seqcore.nn.image_weights import new_image_encoder
from seqcore.tasks.base import Batch, Example, Loss, Task
from seqcore.tasks.prediction import each, in_one_field
from seqcore.tasks.video.config import FrameClassifierConfig
from seqcore.tasks.video.network import FrameNetwork, StreamState
from seqcore.tasks.video.reading import CHUNK, live_frame, read_chunks, without_margin
from seqcore.tasks.video.result import FrameLabels, as_json, to_frame_labels
from seqcore.tasks.video.rows import ComposedFilm, read_videos, reference
from seqcore.tasks.video.sampling import FramesRead, seen_of_clip
from seqcore.tasks.video.training import augment, class_weights, frame_loss, padded_clips

MAX_COUNTED_VIDEOS = 2000  # Labels are weighed by so many, for composed films are many and each takes time.
ADAPTED = ("dropout", "label_smoothing", "smoothing", "median", "labels", "background", "aliases")


class FrameClassifier(Task):
    """An image network, an LSTM and a label for each frame; one that reads one way also streams.

    Attributes:
        class_weights: (C,), what a frame of each class counts in training; None is 1 for all.
        flips, time_mask: whether training mirrors videos, and hides a few frames in a row.
        bptt: frames through which gradients flow back; 0 is all.
    """

    name = "video"
    Config = FrameClassifierConfig
    fields: ClassVar[Mapping[str, type]] = {"video": object, "segments": list}
    monitor = ("macro_f1", "max")
    input_kind = "file"
    optional: ClassVar[Mapping[str, type]] = {"label": str}
    batches_at_once = 1
    config: FrameClassifierConfig
    network: FrameNetwork

    def __init__(self, config: FrameClassifierConfig) -> None:
        self.config = config
        self.network = FrameNetwork(config)
        self.class_weights: Tensor | None = None
        self.flips = self.time_mask = False
        self.bptt = 0

    @classmethod
    def from_config(cls, config: FrameClassifierConfig, folder: Path) -> Self:
        if not config.labels:
            raise ValueError("labels are missing")
        return cls(config)

    @classmethod
    def create(
        cls, config: FrameClassifierConfig, rows: Sequence[Mapping[str, Any]], weights: str | Path | None = None
    ) -> Self:
        """Make an untrained classifier; its labels are those of the segments and the background, unless it has any.

        Args:
            weights: of a pretrained image network, see `seqcore.nn.image_weights.new_image_encoder`; None is random.

        Raises:
            SettingsError: no such backbone or weights.
        """
        names = {config.renamed.get(label, label) for row in rows for _, _, label in row["segments"]}
        task = cls(replace(config, labels=config.labels or tuple(sorted(names | ({config.background} - {""})))))
        if weights is not None and isinstance(task.network.encoder, PretrainedFrameEncoder):
            task.network.encoder.encoder.load_state_dict(new_image_encoder(config.image, weights).state_dict())
        return task

    @classmethod
    @torch.no_grad()
    def adapt(cls, old: "FrameClassifier", config: FrameClassifierConfig) -> tuple[Self, int]:
        """Make a classifier with what another one has learned, and count the labels whose outputs it keeps.

        Args:
            config: gives labels, background and settings of the training; all else is that of `old`.
        """
        new = cls(replace(old.config, **{name: getattr(config, name) for name in ADAPTED}))
        own, weights = new.network.state_dict(), old.network.state_dict()
        both = [label for label in new.config.labels if label in old.config.labels]
        mine, theirs = ([one.config.labels.index(label) for label in both] for one in (new, old))
        for name, weight in own.items():
            if name.startswith("output."):
                weight[mine] = weights[name][theirs].to(weight.device)
            else:
                weight.copy_(weights[name])
        new.network.train(old.network.training)
        return new, len(both)

    @classmethod
    def read_rows(
        cls, source: str, columns: Mapping[str, str] | None = None, split: str = "train"
    ) -> Sequence[Mapping[str, Any]]:
        """Rows of a folder of videos, a table or a hub id: see `read_videos`."""
        return read_videos(source, columns, split)

    @property
    def view(self) -> View:
        """What is read of a frame, margins included."""
        return self.config.view

    def parameter_groups(self) -> list[list[nn.Parameter]]:
        """What follows the image network, then what of that is trained."""
        inside = set(self.network.encoder.parameters())
        seen = [weight for weight in self.network.encoder.parameters() if weight.requires_grad]
        return [[weight for weight in self.network.parameters() if weight not in inside], seen]

    @overload
    def label(self, videos: list[VideoSource]) -> list[FrameLabels]: ...
    @overload
    def label(self, videos: VideoSource | VideoReader, progress: Callable[[int], None] | None = ...) -> FrameLabels: ...
    def label(
        self, videos: VideoSource | VideoReader | list[VideoSource], progress: Callable[[int], None] | None = None
    ) -> FrameLabels | list[FrameLabels]:
        """Label every frame of a video, or of each of a list: a path, bytes, an open file, or what `open_video` gives.

        A one-way classifier works in constant memory, however long the video is; a bidirectional one keeps what its
        image network gives, a kilobyte a frame.

        Args:
            progress: of a single video, told now and then how many frames were read; what it raises ends the work.

        Raises:
            InputError: a video cannot be read, with its number in a list.
        """
        if not isinstance(videos, list):
            return self._label(videos, progress)
        return self.predict(videos)

    def predict(self, inputs: Sequence[VideoSource | Clip]) -> list[FrameLabels]:
        """Label every frame of videos: see `label`. A `Clip` has been read before."""
        return each(inputs, self._label, "video")

    def _label(
        self, video: VideoSource | VideoReader | Clip, progress: Callable[[int], None] | None = None
    ) -> FrameLabels:
        rate = self.config.frame_rate
        if isinstance(video, Clip):
            read = seen_of_clip(video, rate)
            frames = video.frames[read.seen] if len(read.seen) < len(video.frames) else video.frames
            outputs = self._after(frames) if frames.dim() == 2 else self._outputs(frames.split(CHUNK))
            return to_frame_labels(video.times, video.fps, outputs, self.config, video.end, read=read)
        read = FramesRead()
        with open_video(video) as film:
            outputs = self._outputs(read_chunks(film, self.view, rate, read, progress))
            return to_frame_labels(read.times, film.fps, outputs, self.config, film.end, film.cut_short, read)

    @torch.inference_mode()
    def _outputs(self, chunks: Iterable[Tensor]) -> Tensor:
        """Frames (n, C, H, W), one chunk after the other → probabilities (T, C)."""
        logits = self.network.in_chunks(self._seen(chunk).unsqueeze(0) for chunk in chunks)
        return logits[0].float().softmax(-1).cpu()

    @torch.inference_mode()
    def _after(self, vectors: Tensor) -> Tensor:
        """What an image network gave of each frame, (T, D) → probabilities (T, C)."""
        read = vectors.to(self.network.output.weight)  # On its device, and in its numbers.
        return self.network(read.unsqueeze(0))[0].float().softmax(-1).cpu()

    def _seen(self, frames: Tensor) -> Tensor:
        return without_margin(frames, self.config).to(self.device)

    # Streams

    @torch.inference_mode()
    def step(self, frame: Any, state: StreamState | None = None) -> tuple[str | None, StreamState]:
        """Read the next frame of a stream → the label of that `config.lag` frames before it, and the state to pass on.

        The label is None while the first ones are not known yet; `flush` gives the last ones. All together are those
        of `label`, but for its median. A stream knows no times: it sees every frame that it is given, and should be
        given no more a second than `config.frame_rate`, of which `label` sees no more either.

        Args:
            frame: (H, W, 3), uint8, of any size; or a tensor of what is looked at alone, as
                `read_frames(video, classifier.view)` gives it: then labels are exactly the file's, without what
                rounding in scaling from other colours may change.
            state: what the last call gave; None at the beginning.

        Raises:
            InputError: the classifier is bidirectional, or this is no frame.
        """
        if self.config.bidirectional:
            raise InputError("a bidirectional classifier reads whole videos and cannot stream: use label")
        if not isinstance(state, StreamState | None):
            raise InputError(f"state must be what step gave for the frame before, not {type(state).__name__}")
        logits, state = self.network.forward_chunk(self._seen(live_frame(frame, self.view))[None, None], state)
        return (self.config.labels[int(logits[0, -1].argmax())] if logits.shape[1] else None), state

    @torch.inference_mode()
    def flush(self, state: StreamState) -> list[str]:
        """Give the labels of a stream that are still to come, `config.lag` of them, or as many as it had frames."""
        return [self.config.labels[number] for number in self.network.flush(state)[0].argmax(-1).tolist()]

    finish = Renamed("flush")

    # Files

    def files(self, names: Sequence[str]) -> list[str]:
        """Names of videos, and for a folder those in it and in those below; what it passes over is named on stderr."""
        if not names or "-" in names:
            raise InputError("name videos, or a folder of them")
        return [str(path) for name in names for path in (video_files(name) if Path(name).is_dir() else [name])]

    # Training

    def example(self, row: Mapping[str, Any]) -> Example:
        """`{video, segments}` → its frames and the number of each one's label; a `ComposedFilm` says both itself."""
        video = row["video"]
        if isinstance(video, ComposedFilm):
            return {"video": video}
        clip = video if isinstance(video, Clip) else read_clip(video, self.view)
        numbers, seen = self.numbers(self._reference(row, clip)), seen_of_clip(clip, self.config.frame_rate).seen
        if len(seen) < len(clip.times):
            times = tuple(clip.times[number] for number in seen)
            clip, numbers = clip._replace(frames=clip.frames[seen], times=times), numbers[seen]
        return {"video": clip, "numbers": numbers}

    def _reference(self, row: Mapping[str, Any], shown: Clip | FrameLabels) -> list[str]:
        return reference(row, shown.times, shown.fps, self.config.background, self.config.renamed, shown.end)

    def numbers(self, labels: Sequence[str]) -> Tensor:
        """Labels → (T,), their numbers. Raises InputError for one that is none of them."""
        number = {label: i for i, label in enumerate(self.config.labels)}
        if unknown := sorted(set(labels) - number.keys()):
            raise InputError(f"the label {unknown[0]!r} is none of {', '.join(self.config.labels)}")
        return torch.tensor([number[label] for label in labels])

    def label_weights(self, rows: Sequence[Mapping[str, Any]]) -> Tensor:
        """What a frame of each label counts in training, (C,): the rarer the more, see `class_weights`."""
        counts = torch.zeros(len(self.config.labels))
        for row in rows[:MAX_COUNTED_VIDEOS]:
            target = self.collate([self.example(row)])["target"]
            counts += torch.bincount(target.flatten(), minlength=len(counts))
        return class_weights(counts)

    def lengths(self, example: Example) -> Sequence[int]:
        video = example["video"]
        return (video.length if isinstance(video, ComposedFilm) else len(video.times),)

    def opens_files(self, examples: Sequence[Example]) -> bool:
        return any(isinstance(example["video"], ComposedFilm) for example in examples)

    def collate(self, examples: Sequence[Example]) -> Batch:
        pairs = []
        for example in examples:
            if isinstance(example["video"], ComposedFilm):
                frames, labels = example["video"].make()
                pairs.append((frames, self.numbers(labels)))
            else:
                pairs.append((example["video"].frames, example["numbers"]))
        return padded_clips(pairs)

    def loss(self, batch: Batch, state: Any = None) -> Loss:
        """Cross-entropy summed over frames; weighed, smoothed and over augmented videos in training only."""
        config, frames, training = self.config, batch["frames"], self.network.training
        if frames.dim() == 3:  # A frozen image network has seen them before the training.
            frames = frames.float()
        elif training:
            frames = augment(frames, config.height, config.width, self.flips, self.time_mask)
        else:
            frames = self._seen(frames)
        logits = self.network(frames, batch["lengths"], self.bptt if training else 0)
        settings = (self.class_weights, config.label_smoothing, config.smoothing) if training else ()
        return Loss(*frame_loss(logits, batch["target"], *settings))

    # Results

    def to_text(self, result: FrameLabels) -> str:
        """`start-end label` of each segment."""
        return " ".join(f"{one.start:.2f}-{one.end:.2f} {in_one_field(one.label)}" for one in result.segments)

    def to_dict(self, result: FrameLabels) -> dict[str, Any]:
        """`{fps, labels, segments}`, and where the file is cut short `cut_short`: `{seconds, frames}` of the whole."""
        return as_json(result)

    def remark(self, result: FrameLabels) -> str:
        """How much was read of a file that is cut short."""
        return result.cut_short.describe(result.duration, len(result.times)) if result.cut_short else ""

    def compute_metrics(self, predictions: Sequence[FrameLabels], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """See `seqcore.metrics.frame_scores`."""
        wanted = [self._reference(row, shown) for shown, row in zip(predictions, rows, strict=True)]
        for labels in wanted:
            self.numbers(labels)
        labels_of_frames = [prediction.labels for prediction in predictions]
        return frame_scores(labels_of_frames, wanted, self.config.labels, self.config.background)
