"""One to one: an image to a label, through the captioner's own image encoder and a linear layer trained on the spot."""

import random
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, TypeAlias

import gradio as gr
import torch
from torch import Tensor

from apps.inside.head import Head, train_head
from apps.inside.lessons import lesson, to_try
from apps.inside.shapes import SHAPES, draw, drawn
from apps.page import on
from apps.server.gradio_patches import use_uploaded_file
from apps.server.models import LazyTask, load_error_html
from apps.ui.layout import Steps, Updates, html
from apps.ui.progress import progress_bar
from apps.ui.runs import LatestRun, latest
from apps.ui.uploads import check_image_size
from seqcore.errors import CheckpointError, InputError
from seqcore.media.images import load_squares

if TYPE_CHECKING:
    from seqcore.tasks.captioning import Captioner

ABOUT = (
    "Before the sequences, the case without one: an image in, a label out. It is the first half of the captioner: the "
    "same convolutional network sees the image (EfficientNet-Lite, after Tan and Le 2019), and its grid of features is "
    "averaged to one vector. Where the captioner’s LSTM would begin to write, a single linear layer answers, once: no "
    "memory, no order, no search. Features learned for one task serve another as they are (Donahue 2014), so that "
    "layer learns from a few dozen images in seconds."
)
TRY = (
    "Let it learn four shapes, and give it a drawing of your own.",
    "Teach it two labels of your own, with a few photos of each.",
)
FLOWS = (
    ("One to one", ("image", "CNN", "one vector", "linear", "label")),
    ("One to many", ("image", "CNN", "grid", "LSTM + attention", "word, word, word")),
    ("Many to one", ("word, word, word", "LSTM", "pooled", "linear", "label")),
    ("Many to many", ("word, word, word", "LSTM", "memory", "LSTM + attention", "word, word, word")),
    ("Many to many, in step", ("frame, frame, frame", "CNN", "LSTM", "linear", "label, label, label")),
)
EACH_TAUGHT, EACH_HELD_OUT = 16, 8
OWN_LABELS, MAX_IMAGES = 3, 12
_AT_ONCE = 8
Example: TypeAlias = tuple[Any, str]


@dataclass(frozen=True)
class LabelsPanel:
    """The components of the panel that are changed."""

    progress: gr.HTML
    learned: gr.HTML
    head: gr.State
    image: gr.Image
    label: gr.HTML


class LabelsHandlers:
    """What happens in this part of the page."""

    def __init__(self, load: "LazyTask[Captioner]", panel: LabelsPanel) -> None:
        self.load, self.panel = load, panel
        self.runs = LatestRun()
        self._rng = random.Random()
        self._shapes: tuple[str, Head] | None = None  # The same for everybody.

    @latest
    def learn_shapes(self, request: gr.Request) -> Steps:
        """Teach a head the drawn shapes: draw, see, learn, measure."""
        if self._shapes is None:
            self._shapes = yield from self._learn(drawn(EACH_TAUGHT, 1), drawn(EACH_HELD_OUT, 2))
        if self._shapes is not None:
            yield self._learned(*self._shapes)

    @latest
    def learn_own(self, request: gr.Request, *names_and_files: Any) -> Steps:
        """The same with a visitor's labels: names, and then images of each, of which every third is held out."""
        taught, held_out = own_examples(names_and_files[:OWN_LABELS], names_and_files[OWN_LABELS:])
        report_and_head = yield from self._learn(taught, held_out)
        if report_and_head is not None:
            yield self._learned(*report_and_head)

    def _learned(self, report: str, head: Head | None) -> Updates:
        return {self.panel.progress: "", self.panel.learned: report, self.panel.head: head}

    def draw_one(self) -> Updates:
        """Draw any shape."""
        return {self.panel.image: draw(self._rng.choice(SHAPES), self._rng)}

    def clear(self) -> Updates:
        """What the page shows of an image that was taken away."""
        return {self.panel.label: ""}

    def classify(self, image: str | None, head: Head | None) -> Updates:
        """An image's probabilities as bars. Raises `InputError` for what cannot be read."""
        if not image:
            return self.clear()
        if head is None:
            raise InputError("Nothing is learned yet: press Learn the shapes first.")
        check_image_size(image)
        values = head.probabilities(self._features([image]))[0].tolist()
        return {self.panel.label: verdict(dict(zip(head.labels, values, strict=True)))}

    def encoder(self) -> Any:
        """The image encoder. Raises `CheckpointError` when the checkpoint is missing or has none."""
        return self.load.require("caption", "captioner").network.encoder

    def _features(self, images: Sequence[Any]) -> Tensor:
        encoder = self.encoder()
        squares = load_squares(images, encoder.config.size).to(next(encoder.parameters()).device)
        with torch.inference_mode():
            features: Tensor = encoder.pooled(squares).float().cpu()
        return features.clone()

    def _learn(
        self, taught: list[Example], held_out: list[Example]
    ) -> Generator[Updates, None, tuple[str, Head] | None]:
        """The report and the head; nothing where the encoder is not there, which is shown."""
        try:
            self.encoder()  # Loading is not seeing: the time shown leaves it out.
        except CheckpointError as error:
            yield self._learned(load_error_html(error), None)
            return None
        images, names = zip(*taught, *held_out, strict=True)
        started, parts = time.perf_counter(), []
        for begin in range(0, len(images), _AT_ONCE):
            parts.append(self._features(images[begin : begin + _AT_ONCE]))
            done, seconds = min(begin + _AT_ONCE, len(images)), time.perf_counter() - started
            yield {self.panel.progress: progress_bar(done, len(images), seconds, "image", "Images seen")}
        features, seen = torch.cat(parts), time.perf_counter() - started
        many = len(taught)
        started = time.perf_counter()
        head = train_head(features[:many], names[:many])
        seconds = time.perf_counter() - started
        scores = [head.accuracy(features[:many], names[:many])]
        if held_out:
            scores.append(head.accuracy(features[many:], names[many:]))
        return report(head, many, len(held_out), scores, seen, seconds), head


def own_examples(names: Sequence[Any], files: Sequence[Any]) -> tuple[list[Example], list[Example]]:
    """Images to learn from, and every third one held out. Raises `InputError` for too few or too many."""
    taught: list[Example] = []
    held_out: list[Example] = []
    labels: list[str] = []
    for number, (name, paths) in enumerate(zip(names, files, strict=True), 1):
        label = " ".join(str(name or "").split())[:40]
        if not paths:
            continue
        if not label or label in labels:
            raise InputError(f"Label {number} needs a name of its own: its images have none.")
        if not 2 <= len(paths) <= MAX_IMAGES:
            raise InputError(f"“{label}” has {len(paths)} images: give 2 to {MAX_IMAGES} of each label.")
        labels.append(label)
        for place, path in enumerate(paths):
            check_image_size(path)
            (held_out if place % 3 == 2 else taught).append((path, label))
    if len(labels) < 2:
        raise InputError("Give at least two labels with two images each: of one alone there is nothing to tell apart.")
    return taught, held_out


def report(head: Head, taught: int, held_out: int, scores: list[float], seen: float, seconds: float) -> str:
    """What was learned from how much, in what time, and how well."""
    rows = [("Learned from", taught, scores[0])]
    if held_out:
        rows.append(("Held out", held_out, scores[1]))
    body = "".join(
        f'<tr><th scope="row">{name}</th><td>{count:,}</td><td>{100 * score:.0f} %</td></tr>'
        for name, count, score in rows
    )
    head_row = "".join(f'<th scope="col">{name}</th>' for name in ("", "Images", "Right"))
    guessing = f"Guessing would be right in {100 / len(head.labels):.0f} %."
    size = f"{head.weight.numel() + head.bias.numel():,}"
    return (
        f'<table class="sq-figures"><thead><tr>{head_row}</tr></thead><tbody>{body}</tbody></table>'
        f'<p class="sq-said">A linear layer of {size} numbers tells {escape(_listed(head.labels))} apart. {guessing} '
        f"Seeing the images took {seen:.1f} s, once; learning took {seconds:.2f} s.</p>"
    )


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def verdict(probabilities: Mapping[str, float]) -> str:
    """The likeliest label, and a bar for each."""
    best = max(probabilities, key=lambda name: probabilities[name])
    bars = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td><span class="sq-bar" style="--part:{value:.4f}"></span></td>'
        f"<td>{100 * value:.1f} %</td></tr>"
        for name, value in probabilities.items()
    )
    return (
        f'<div class="sq-verdict"><p class="sq-label"><strong>{escape(best)}</strong></p><table>{bars}</table>'
        "<p>It knows these labels only: whatever it is shown becomes one of them.</p></div>"
    )


def flows() -> str:
    """The five ways of joining the same bricks, one a line."""
    lines = "".join(
        f"<li><strong>{name}</strong><span>{' <i aria-hidden=true>→</i> '.join(f'<b>{part}</b>' for part in parts)}"
        "</span></li>"
        for name, parts in FLOWS
    )
    return f'<ul class="sq-flows">{lines}</ul>'


def build(loads: Mapping[str, LazyTask[Any]]) -> LabelsHandlers:
    """Build it where it is called; it sees with the captioner's image encoder."""
    gr.HTML(lesson(ABOUT) + flows(), apply_default_css=False)
    head = gr.State()
    go = gr.Button("Learn the shapes", variant="primary", elem_id="learn-shapes")
    progress, learned = html("labels-progress"), html("learned")
    with gr.Row(equal_height=True):
        with gr.Column(min_width=280):
            image = gr.Image(
                label="A drawing or photo", type="filepath", sources=["upload", "clipboard", "webcam"], height=300,
                elem_id="one-image",
            )  # fmt: skip
            other = gr.Button("Draw one for me", elem_id="draw-one")
        with gr.Column(min_width=280):
            label = html("one-label")
    handlers = LabelsHandlers(loads["captioner"], LabelsPanel(progress, learned, head, use_uploaded_file(image), label))
    with gr.Accordion("Labels of your own", open=False, elem_id="own-labels"):
        names, files, own = _own_labels()
    gr.HTML(to_try(TRY), apply_default_css=False)
    outputs = [progress, learned, head]
    live: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "live-training"}
    ready = on(go.click, handlers.learn_shapes, None, outputs, **live)
    own_ready = on(own.click, handlers.learn_own, [*names, *files], outputs, **live)
    shown = on(other.click, handlers.draw_one, None, image)
    for begin in (ready.success, own_ready.success, shown.success, image.input):
        on(begin, handlers.classify, [image, head], label, trigger_mode="always_last")
    on(image.clear, handlers.clear, None, label, queue=False)
    return handlers


def _own_labels() -> tuple[list[gr.Textbox], list[gr.File], gr.Button]:
    gr.Markdown(
        f"Two or three labels, 2 to {MAX_IMAGES} images each. Every third image is held out, to measure with.",
        elem_classes="sq-hint",
    )
    names, files = [], []
    with gr.Row():
        for number in range(1, OWN_LABELS + 1):
            with gr.Column(min_width=220):
                names.append(gr.Textbox(label=f"Label {number}", max_lines=1, elem_id=f"own-name-{number}"))
                files.append(
                    gr.File(label=f"Images of label {number}", file_count="multiple", height=140,
                            elem_id=f"own-files-{number}")
                )  # fmt: skip
    return names, files, gr.Button("Learn these", elem_id="learn-own")
