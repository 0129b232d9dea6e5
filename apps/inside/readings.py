"""Any bundled model and any input → the gates of its LSTM layers, step by step, and what the steps are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from apps.ui.pictures import film_pictures, jpeg_uri
from seqcore.errors import InputError

if TYPE_CHECKING:
    from seqcore.explain import GateTrace

MAX_TEXT_CHARS = 600
MAX_FRAMES = 600
_STILLS = 8


@dataclass(frozen=True)
class Track:
    """One direction of one layer: its name for people, and its gates (1, T, H)."""

    name: str
    trace: "GateTrace"


@dataclass(frozen=True)
class Reading:
    """What a model did with an input.

    Attributes:
        answer: what it said, in a line.
        steps: pieces of text, T of them; of a film, the label of each frame.
        times: of each frame, in seconds; empty for a text.
        tracks: of each layer.
        stills: some frames of a film, evenly spread, as addresses that hold them.
        written: the steps are what the model wrote, not what it read.
        note: what a reader should know about the input.
    """

    answer: str
    steps: tuple[str, ...]
    tracks: tuple[Track, ...]
    times: tuple[float, ...] = ()
    stills: tuple[str, ...] = ()
    written: bool = False
    note: str = ""

    def track(self, name: str | None) -> Track:
        """By its name; without one, the last. Raises `InputError` for another."""
        for track in self.tracks:
            if track.name == (name or self.tracks[-1].name):
                return track
        raise InputError(f"There is no layer {name!r}: choose one of {', '.join(track.name for track in self.tracks)}.")


def read(task: Any, source: str) -> Reading:
    """Let a model work on a text, or on the photo or film at a path, and trace it.

    Raises:
        InputError: nothing to read, too much of it, or what the model itself refuses.
    """
    return _READERS[task.name](task, source)


def _sentiment(task: Any, text: str) -> Reading:
    from seqcore.explain import recorded_gates

    with recorded_gates(task.network.encoder) as recording:
        sentiment = task.classify(_checked(text))
    pieces = task.tokenizer.ids_to_tokens(task.tokens(sentiment.text))
    answer = f"{sentiment.label}, {100 * sentiment.probability:.1f} %"
    return Reading(answer, pieces, _tracks(recording.traces()))


def _translation(task: Any, text: str) -> Reading:
    from seqcore.explain import recorded_gates
    from seqcore.text.sentences import split_sentences

    sentences = split_sentences(_checked(text), "en")[1::2]
    with recorded_gates(task.network.encoder) as recording:
        translation = task.translate(sentences[0], beam_size=1)
    traces = recording.traces()
    if not traces or traces[0].cell.shape[:2] != (1, len(translation.source_tokens)):
        raise InputError("The encoder read nothing of this as one sentence: write a short sentence, with words in it.")
    note = "The translator reads sentence by sentence; this is the first one. " if len(sentences) > 1 else ""
    return Reading(translation.text, translation.source_tokens, _tracks(traces), note=note)


def _language_model(task: Any, text: str) -> Reading:
    from seqcore.explain import recorded_gates

    with recorded_gates(task.network.decoder) as recording:
        (scored,) = task.score([_checked(text)])
    # What it reads begins before the first piece, and ends before the end that it has to foresee.
    pieces = (*task.tokenizer.ids_to_tokens([task.tokenizer.bos_id]), *scored.tokens[:-1])
    return Reading(f"perplexity {scored.perplexity:.1f}", pieces, _tracks(recording.traces()))


def _captioning(task: Any, photo: str) -> Reading:
    import torch

    from seqcore.explain import recorded_gates
    from seqcore.tasks.captioning import ImageFeatures

    if not photo:
        raise InputError("Choose a photo first.")
    grid = task.grids([photo])
    (caption,) = task.predict([ImageFeatures(grid[0])])
    # A beam goes back and forth between captions; the one that won is read once more, whole, which gives the same.
    written = [task.tokenizer.token_to_id(piece) for piece in caption.tokens]
    fed = torch.tensor([[task.tokenizer.bos_id, *written[:-1]]], device=grid.device)
    with torch.inference_mode(), recorded_gates(task.network.decoder) as recording:
        task.network.decoder.features(fed, state=task.network.start(grid))
    return Reading(caption.text, caption.tokens, _tracks(recording.traces()), written=True)


def _video(task: Any, film: str) -> Reading:
    from seqcore.explain import recorded_gates
    from seqcore.media.video import open_video

    if not film:
        raise InputError("Choose a film first.")
    with open_video(film) as video:
        if video.info.frames > MAX_FRAMES:
            raise InputError(f"This panel takes films of {MAX_FRAMES} frames at most: cut it.")
        with recorded_gates(task.network.lstm) as recording:
            result = task.label(video)
        places = [result.times[-1] * (place + 0.5) / _STILLS for place in range(_STILLS)]
        stills = tuple(map(jpeg_uri, film_pictures(video, places)))
    names = [segment.label for segment in result.segments]
    answer = ", ".join(names[:6]) + (" …" if len(names) > 6 else "")
    lag = task.config.lag
    note = f"The label of a frame is known {lag} frames later. " if lag else ""
    seen = range(len(result.times)) if result.seen is None else result.seen
    tracks = _tracks(recording.traces(), len(seen))
    labels, times = (tuple(values[number] for number in seen) for values in (result.labels, result.times))
    return Reading(answer, labels, tracks, times, stills, note=note)


_READERS: Mapping[str, Callable[[Any, str], Reading]] = {
    "sentiment": _sentiment,
    "translation": _translation,
    "language-model": _language_model,
    "captioning": _captioning,
    "video": _video,
}


def _checked(text: str) -> str:
    if not any(character.isalnum() for character in text):
        raise InputError("Write a few words first.")
    if len(text) > MAX_TEXT_CHARS:
        raise InputError(f"These are {len(text):,} characters, and this panel takes {MAX_TEXT_CHARS}: shorten them.")
    return text


def _tracks(traces: "list[GateTrace]", steps: int | None = None) -> tuple[Track, ...]:
    """Traces with names for people; of the first steps alone."""
    layers = list(dict.fromkeys(trace.layer for trace in traces))
    both = any(trace.backward for trace in traces)
    tracks = []
    for trace in traces:
        direction = (", from the end" if trace.backward else ", from the beginning") if both else ""
        parts = ("input", "forget", "output", "candidate", "cell", "hidden")
        values = {part: getattr(trace, part)[:, :steps].float().cpu() for part in parts}
        tracks.append(Track(f"Layer {layers.index(trace.layer) + 1}{direction}", replace(trace, **values)))
    return tuple(tracks)
