"""Writing: the language model goes on from a prompt, piece by piece, and shows what else it could have written."""

import time
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from apps.endpoints import endpoint
from apps.inside.lessons import lesson, to_try
from apps.inside.writing_api import (
    MAX_PIECES,
    MAX_PROMPT_CHARS,
    MAX_TEMPERATURE,
    MIN_TEMPERATURE,
    PIECES,
    TEMPERATURE,
    Settings,
    WritingAPI,
)
from apps.page import on
from apps.server.models import LazyTask, load_error_html
from apps.ui.figures import piece_labels
from apps.ui.layout import Steps, Updates, html, part, scrolling
from apps.ui.runs import LatestRun, latest, visitor
from seqcore.errors import CheckpointError

if TYPE_CHECKING:
    from seqcore.tasks.language import LanguageModel, Written

ABOUT = (
    "An LSTM that has learned to foretell the next piece of a text can write one: it draws a piece by its "
    "probability, reads what it drew, and goes on (Sutskever, Martens and Hinton 2011; Karpathy 2015). Temperature "
    "changes the dice: below 1 the likely becomes likelier and the text repeats itself, above 1 the unlikely gets its "
    "chance and the text falls apart."
)
TRY = ("Write from the same prompt and seed at temperatures of 0.3, 0.8 and 1.5, and look at the bars beneath.",)
EXAMPLES = ("The film begins", "I bought this for my", "The food was", "I have never")
FIXED = (0.5, 1.0, 1.5)
_BARS = 8


class WritingPanel:
    """The components of the panel that are changed or read."""

    def __init__(self) -> None:
        self.prompt = gr.Textbox(
            EXAMPLES[0], label="Prompt", lines=2, max_lines=6, elem_id="prompt", elem_classes="sq-text",
            placeholder=f"Up to {MAX_PROMPT_CHARS:,} characters, or nothing. Shift + Enter writes.",
        )  # fmt: skip
        self.examples = gr.Dataset(
            components=[self.prompt], samples=[[sample] for sample in EXAMPLES], label="Prompts to try",
            elem_id="prompts",
        )  # fmt: skip
        self.settings = _settings()
        with gr.Row(elem_classes="sq-buttons"):
            self.stop = gr.Button("Stop", scale=1, min_width=80, interactive=False, elem_id="stop-writing")
            self.another = gr.Button("Another", scale=1, min_width=80, elem_id="write-another")
            self.go = gr.Button("Write", variant="primary", scale=3, min_width=140, elem_id="write")
        self.status = gr.Markdown(elem_classes="sq-status", elem_id="writing-status")
        self.text, self.dice, self.last = html("written"), html("dice"), gr.State()


class WritingHandlers:
    """What happens in this part of the page."""

    def __init__(self, api: WritingAPI, panel: WritingPanel) -> None:
        self.api, self.panel = api, panel
        self.runs = LatestRun()

    @latest
    def show(self, request: gr.Request, prompt: str, *settings: Any) -> Steps:
        """Write, and show every piece as it comes."""
        panel = self.panel
        nothing: Updates = {panel.text: "", panel.dice: "", panel.last: None}
        yield {**nothing, panel.status: "Writing …", panel.stop: gr.update(interactive=True)}
        over: Updates = {panel.stop: gr.update(interactive=False)}
        refused: Updates = {**nothing, **over, panel.status: "Not written."}
        try:
            chosen = Settings(*settings)
            model = self.api.model()  # Loading is not writing: the time shown leaves it out.
            pieces = self.api.stream(prompt, chosen)
        except CheckpointError as error:
            yield {**refused, panel.text: load_error_html(error)}
            return
        except Exception:  # A message of its own says why.
            yield refused
            raise
        started, before, written = time.perf_counter(), "", None
        for written in pieces:
            yield {
                panel.text: page_of(written, before),
                panel.status: status(written),
                panel.dice: bars(model, written, chosen),
            }
            before = written.text
        yield {panel.status: status(written, time.perf_counter() - started), panel.last: written, **over}

    def stop(self, request: gr.Request) -> Updates:
        """End what runs; what is written stays."""
        self.runs.end(visitor(request))
        return {self.panel.status: "Stopped.", self.panel.stop: gr.update(interactive=False)}

    def reshape(self, written: "Written | None", temperature: float, top_k: int, top_p: float) -> Updates:
        """The bars of the last piece with other settings."""
        if written is None:
            return {self.panel.dice: gr.skip()}
        return {self.panel.dice: bars(self.api.model(), written, Settings(temperature, top_k, top_p))}


def page_of(written: "Written", before: str) -> str:
    """The text: the prompt, what was written, and the last piece marked."""
    begun = len(written.prompt)
    seen = max(begun, len(before) if written.text.startswith(before) else begun)
    parts = (written.text[:begun], written.text[begun:seen], written.text[seen:])
    prompt, middle, last = (escape(part) for part in parts)
    return f'<p class="sq-written" dir="auto"><b>{prompt}</b>{middle}<mark>{last}</mark></p>'


def status(written: "Written | None", seconds: float | None = None) -> str:
    """How much is written; and once it is, in what time, and why it ended."""
    count = len(written.tokens) if written else 0
    pieces = f"{count:,} piece{'s' * (count != 1)}"
    if seconds is None or written is None:
        return f"{pieces} …"
    end = ", and there the model ended its text" if written.finished else ""
    return f"{pieces} in {seconds:.1f} s{end}"


def bars(model: "LanguageModel", written: "Written", settings: Settings) -> str:
    """The pieces that could have stood in the last place, and their probabilities at several temperatures."""
    if written.log_probabilities is None:
        return ""
    everything = {
        temperature: dict(model.alternatives(written.log_probabilities, len(model.tokenizer), temperature))
        for temperature in FIXED
    }
    yours = dict(
        model.alternatives(
            written.log_probabilities, len(model.tokenizer), settings.temperature, settings.top_k, settings.top_p
        )
    )
    last = written.tokens[-1]
    shown = list(everything[1.0])[:_BARS]
    shown += [last] * (last not in shown)
    columns = [(f"{temperature:g}", likely) for temperature, likely in everything.items()]
    columns.append((f"yours: {settings.temperature:g}", yours))
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Piece", *(name for name, _ in columns)))
    rows = "".join(_row(piece, piece == last, [likely.get(piece, 0.0) for _, likely in columns]) for piece in shown)
    note = (
        "What could have stood in the place of the last piece, likeliest first, at three temperatures and at yours, "
        "with top-k and top-p. The one that was drawn has an arrow; a dot begins a piece that goes on a word."
    )
    table = f'<table class="sq-dice"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    return part("The last piece", note) + scrolling(table, "The last piece")


def _row(piece: str, drawn: bool, values: list[float]) -> str:
    label = escape(piece_labels(["▁", piece])[1])
    cells = "".join(
        f'<td><span class="sq-bar" style="--part:{value:.4f}"></span>{100 * value:.1f} %</td>' for value in values
    )
    mark = '→ <span class="sq-unseen">drawn: </span>' if drawn else ""
    return f'<tr{" class=sq-drawn" * drawn}><th scope="row">{mark}<bdi>{label}</bdi></th>{cells}</tr>'


def build(loads: Mapping[str, LazyTask[Any]]) -> WritingHandlers:
    """Build it where it is called, and its endpoint `/write`."""
    api = WritingAPI(loads["language-model"])
    gr.HTML(lesson(ABOUT), apply_default_css=False)
    panel = WritingPanel()
    handlers = WritingHandlers(api, panel)
    gr.HTML(to_try(TRY), apply_default_css=False)

    outputs = [panel.text, panel.status, panel.dice, panel.last, panel.stop]
    temperature, top_k, top_p, _, seed = panel.settings
    chosen = on(panel.examples.click, lambda sample: sample[0], panel.examples, panel.prompt, queue=False)
    other = on(panel.another.click, lambda number: int(number or 0) + 1, seed, seed, queue=False)
    limits: dict[str, Any] = {"concurrency_limit": 4, "concurrency_id": "writing"}
    for begin in (panel.go.click, panel.prompt.submit, chosen.success, other.success):
        on(begin, handlers.show, [panel.prompt, *panel.settings], outputs, trigger_mode="multiple", **limits)
    on(panel.stop.click, handlers.stop, None, [panel.status, panel.stop])
    for setting in (temperature, top_k, top_p):
        inputs = [panel.last, temperature, top_k, top_p]
        on(setting.input, handlers.reshape, inputs, panel.dice, trigger_mode="always_last")
    endpoint(api.write, "writing", **limits)
    return handlers


def _settings() -> tuple[gr.Slider, gr.Slider, gr.Slider, gr.Slider, gr.Number]:
    """As the fields of `Settings`."""
    with gr.Row():
        temperature = gr.Slider(
            MIN_TEMPERATURE, MAX_TEMPERATURE, value=TEMPERATURE, step=0.05, label="Temperature",
            elem_id="temperature", info="1 is as learned.", min_width=200,
        )  # fmt: skip
        length = gr.Slider(
            1, MAX_PIECES, value=PIECES, step=1, label="Length", elem_id="length",
            info="The most pieces of words.", min_width=200,
        )  # fmt: skip
        seed = gr.Number(1, label="Seed", precision=0, minimum=0, elem_id="seed", min_width=120,
                         info="The same one draws alike.")  # fmt: skip
    with gr.Accordion("Draw among fewer", open=False), gr.Row():
        top_k = gr.Slider(0, 100, value=0, step=1, label="Top-k", info="So many likeliest; 0 is all (Fan 2018).",
                          elem_id="top-k", min_width=200)  # fmt: skip
        top_p = gr.Slider(0.05, 1.0, value=1.0, step=0.05, label="Top-p", elem_id="top-p", min_width=200,
                          info="The likeliest that have this probability together (Holtzman 2020).")  # fmt: skip
    return temperature, top_k, top_p, length, seed
