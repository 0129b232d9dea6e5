"""The panel Gates: what the gates and cells of any bundled model do with any input."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Annotated, Any, NamedTuple, cast

import gradio as gr
from pydantic import Field
from typing_extensions import TypedDict

from apps.endpoints import endpoint
from apps.inside.gates_views import MAX_UNITS, maps, unit_view, varying_units
from apps.inside.lessons import LIMITED, lesson, to_try
from apps.inside.readings import MAX_TEXT_CHARS, Reading, Track, read
from apps.page import on
from apps.server.gradio_patches import use_uploaded_file
from apps.server.models import LazyTask, load_error_html
from apps.ui.layout import Steps, Updates, html
from apps.ui.runs import LatestRun, latest
from apps.ui.uploads import WHOLE
from seqcore.errors import InputError, SeqcoreError
from seqcore.media.image_formats import READ
from seqcore.validation import check_number

EXAMPLE = "It was not a good film, but the music was wonderful and the ending moved me to tears."
LESSON = (
    "An LSTM carries a cell from step to step, a row of numbers, one a unit. At every step, three gates decide how "
    "much of the cell is kept (forget gate), how much is written (input gate) and how much of it is let out (output "
    "gate). This is the long short-term memory of Hochreiter & Schmidhuber (1997), with the forget gate that Gers, "
    "Schmidhuber & Cummins added (2000). Karpathy, Johnson & Li (2015) coloured texts by single units and found some "
    "that anyone can read: one counts the length of a line, one knows that a quotation is open. Here you can look for "
    "others, in models that do real work."
)
TRY = (
    "Move the slider Unit slowly. Which units change at one word and then hold on, which forget at once?",
    "Put “not” in front of a word, or take it away. Which unit takes notice, in which layer?",
    "Choose the translator, then “from the end”: the cell fills from the right, for that direction reads backwards.",
    "In a film, look for a unit that jumps at every cut, or drifts while the camera moves.",
)
_TITLES = {
    "sentiment": "Sentiment classifier", "translator": "Translator, its encoder", "captioner": "Captioner",
    "video-shots": "Video: camera and cuts", "video-lipreading": "Video: lip reading",
    "language-model": "Language model",
}  # fmt: skip
_INPUTS = {"captioner": "photo", "video-shots": "film", "video-lipreading": "film"}
_APPS = Path(__file__).resolve().parent.parent
_PHOTOS = sorted((_APPS / "captioner" / "examples").glob("*.jpg"))
_FILMS = sorted((_APPS / "video" / "examples").glob("*.mp4"))
_REMEMBERED = 16  # Readings of all visitors together, of a few MB each at most.


Unit = Annotated[int, Field(ge=0), WHOLE]


class Gates(TypedDict):
    """What `/trace_gates` gives."""

    layers: list[str]
    layer: str
    units: int
    unit: int
    steps: list[str]
    forget: list[float]
    input: list[float]
    output: list[float]
    candidate: list[float]
    cell: list[float]
    hidden: list[float]


class Source(NamedTuple):
    """What is being looked at: a model, and a text or the path of a file."""

    model: str
    input: str


@dataclass(frozen=True)
class GatesPanel:
    """The components of the panel that are changed."""

    model: gr.Dropdown
    text: gr.Textbox
    photo: gr.Image
    film: gr.Video
    photo_part: gr.Column
    film_part: gr.Column
    source: gr.State
    answer: gr.HTML
    layer: gr.Dropdown
    rank: gr.Slider
    unit: gr.HTML
    maps: gr.HTML


class GatesHandlers:
    """What the panel does, over the models by their names."""

    def __init__(self, loads: Mapping[str, LazyTask[Any]], panel: GatesPanel) -> None:
        self.loads, self.panel = loads, panel
        self.runs = LatestRun()
        self.reading = functools.lru_cache(_REMEMBERED)(self._read)

    def _read(self, source: Source) -> Reading:
        return read(self.task(source.model), source.input)

    def task(self, model: str) -> Any:
        """Raises `InputError` for a name that is none, `CheckpointError` for a model that is not there."""
        if model not in self.loads:
            raise InputError(f"There is no model {model!r}: choose one of {', '.join(self.loads)}.")
        return self.loads[model]()

    def choose(self, model: str) -> Updates:
        """Show what the model reads."""
        kind = _INPUTS.get(model, "text")
        parts = {"text": self.panel.text, "photo": self.panel.photo_part, "film": self.panel.film_part}
        return {component: gr.update(visible=kind == name) for name, component in parts.items()}

    def open(self, request: gr.Request) -> Steps:
        """What a page that was just opened shows: the first model, over the example."""
        yield from self.show(request, next(name for name in _TITLES if name in self.loads), EXAMPLE, None, None)

    @latest
    def show(self, request: gr.Request, model: str, text: str, photo: str | None, film: str | None) -> Steps:
        """Let the model work on the input, and show the last layer's liveliest unit."""
        source = Source(model, {"photo": photo or "", "film": film or ""}.get(_INPUTS.get(model, "text"), text))
        panel = self.panel
        empty: Updates = {panel.unit: "", panel.maps: "", panel.source: None}
        hidden: Updates = {panel.layer: gr.update(visible=False), panel.rank: gr.update(visible=False), **empty}
        yield {panel.answer: '<p class="sq-said" role="status">Reading …</p>', **empty}
        try:
            self.task(source.model)
        except SeqcoreError as error:
            yield {panel.answer: load_error_html(error), **hidden}
            return
        try:
            reading = self.reading(source)
        except Exception:  # A message of its own says why.
            yield {panel.answer: "", **hidden}
            raise
        track = reading.track(None)
        units = varying_units(track)
        answer = f"{escape(reading.note)}The model says: <strong>{escape(reading.answer)}</strong>"
        yield {
            panel.answer: f'<p class="sq-said" role="status">{answer}</p>',
            panel.layer: gr.update(choices=[track.name for track in reading.tracks], value=track.name, visible=True),
            panel.rank: gr.update(maximum=len(units), value=1, visible=True),
            **self._views(reading, track, units[0]),
            panel.source: source,
        }

    def _views(self, reading: Reading, track: Track, unit: int) -> Updates:
        return {self.panel.unit: unit_view(reading, track, unit), self.panel.maps: maps(reading, track, unit)}

    def look(self, source: Source | None, layer: str, rank: float) -> Updates:
        """Show another layer or unit of what is being looked at."""
        if source is None:
            return {self.panel.unit: "", self.panel.maps: ""}
        reading = self.reading(Source(*source))
        track = reading.track(layer)
        units = varying_units(track)
        return self._views(reading, track, units[min(max(int(rank), 1), len(units)) - 1])

    def trace_gates(
        self, model: str, text: str = "", file: str | None = None, layer: str = "", unit: Unit | None = None
    ) -> Gates:
        """Trace the gates of one unit of a model's LSTM while it reads a text, a photograph or a film.

        Args:
            model: captioner, sentiment, translator, video-shots, video-lipreading or language-model.
            text: what sentiment, translator and language-model read, 600 characters at most.
            file: the photograph that captioner reads, 20 MB at most, or the film that the video models read.
            layer: the name of a layer, one of layers in the answer; by default the last.
            unit: the number of a unit in the layer, from 0; by default the one whose cell varies most.

        Returns:
            layers are the names of all layers, layer is the one that was traced, units how many units it has, unit the
            number of the one that was traced, steps what was read at each step, and forget, input, output (the gates, 0
            to 1), candidate, cell and hidden (its values) are numbers, one a step.
        """
        self.task(model)
        reading = self.reading(Source(model, (file or "") if model in _INPUTS else text))
        track = reading.track(layer)
        width = track.trace.cell.shape[2]
        chosen = varying_units(track)[0] if unit is None else unit
        check_number("unit", chosen, 0, width - 1, whole=True)
        gates = ("forget", "input", "output", "candidate", "cell", "hidden")
        values = {
            gate: [round(value, 5) for value in getattr(track.trace, gate)[0, :, chosen].tolist()] for gate in gates
        }
        about = {"layers": [one.name for one in reading.tracks], "layer": track.name, "units": width, "unit": chosen}
        return cast(Gates, {**about, "steps": list(reading.steps), **values})


def build(loads: Mapping[str, LazyTask[Any]]) -> GatesHandlers:
    """Components and events, in the tab that is open."""
    gr.HTML(lesson(LESSON), apply_default_css=False)
    with gr.Row():
        with gr.Column(min_width=260):
            names = [(title, name) for name, title in _TITLES.items() if name in loads]
            model = gr.Dropdown(names, value=names[0][1] if names else None, label="Model", elem_id="gates-model")
            layer = gr.Dropdown([], label="Layer", visible=False, elem_id="gates-layer")
            rank = gr.Slider(
                1, MAX_UNITS, value=1, step=1, label="Unit", visible=False, elem_id="gates-unit",
                info="From the one whose cell varies most",
            )  # fmt: skip
        with gr.Column(scale=2, min_width=280):
            text = gr.Textbox(
                EXAMPLE, label="Text", lines=3, max_lines=6, max_length=MAX_TEXT_CHARS, elem_id="gates-text",
                elem_classes="sq-text",
            )  # fmt: skip
            with gr.Column(visible=False) as photo_part:
                photo, photos = _file(gr.Image, "Photo", "gates-photo", _PHOTOS, type="filepath")
            with gr.Column(visible=False) as film_part:
                film, films = _file(gr.Video, "Film", "gates-film", _FILMS)
            go = gr.Button("Look inside", variant="primary", elem_id="gates-go")
    panel = GatesPanel(
        model, text, use_uploaded_file(photo), film, photo_part, film_part, gr.State(None), html("gates-answer"),
        layer, rank, html("gates-view", filled=True), html("gates-maps", filled=True),
    )  # fmt: skip
    gr.HTML(to_try(TRY), apply_default_css=False)
    handlers = GatesHandlers(loads, panel)
    examples = {photos: photo, films: film}
    picked = [on(samples.click, lambda sample: sample[0], samples, file) for samples, file in examples.items()]
    _events(handlers, [go.click, *(one.success for one in picked)], bool(names))
    kinds = f"A photograph is {READ}, a film of any usual format"
    endpoint(handlers.trace_gates, "gates", files={"file": kinds}, **LIMITED)
    return handlers


def _events(handlers: GatesHandlers, begins: list[Any], any_model: bool) -> None:
    panel = handlers.panel
    views = [panel.unit, panel.maps]
    outputs = [panel.answer, panel.layer, panel.rank, *views, panel.source]
    inputs = [panel.model, panel.text, panel.photo, panel.film]
    chosen = on(panel.model.input, handlers.choose, panel.model, [panel.text, panel.photo_part, panel.film_part])
    for begin in (*begins, panel.text.submit, panel.photo.input, panel.film.input, chosen.success):
        on(begin, handlers.show, inputs, outputs, trigger_mode="multiple", **LIMITED)
    for change in (panel.layer.input, panel.rank.input):
        on(change, handlers.look, [panel.source, panel.layer, panel.rank], views, trigger_mode="always_last")
    if any_model:
        on(functools.partial(gr.on, None), handlers.open, None, outputs, **LIMITED)


def _file(kind: Any, label: str, elem_id: str, samples: Sequence[Path], **settings: Any) -> tuple[Any, gr.Dataset]:
    """A photo or a film, with one to begin with, and others to pick."""
    first = str(samples[0]) if samples else None
    file = kind(first, label=label, sources=["upload"], height=240, elem_id=elem_id, **settings)
    examples = gr.Dataset(
        components=[kind(render=False, **settings)], samples=[[str(path)] for path in samples],
        label="Examples", elem_id=f"{elem_id}s",
    )  # fmt: skip
    return file, examples
