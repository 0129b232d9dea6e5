"""Memory against a window: what a network cannot know that sees the last few numbers only."""

import threading
from collections.abc import Generator, Mapping
from functools import partial
from html import escape
from typing import Any

import gradio as gr
from torch import Tensor

from apps.inside.adding import COMMAND, adding_table
from apps.inside.forecasts import Training, mean, repeated, train_lstm, train_window
from apps.inside.lessons import lesson, to_try
from apps.inside.series import MAX_WINDOW, TITLES, Series, series
from apps.page import on
from apps.server.models import LazyTask
from apps.ui.figures import Line, line_figure, svg
from apps.ui.layout import Steps, Updates, html, part, scrolling
from apps.ui.runs import LatestRun, latest
from seqcore.errors import InputError
from seqcore.validation import check_number

ABOUT = (
    "A network that sees the last few numbers only cannot use what came before them, however long it learns: that is a "
    "fixed window, as the talking network of Sejnowski and Rosenberg (1987) had one. An LSTM reads number by number "
    "and keeps in its cells what it will need later (Hochreiter and Schmidhuber 1997). Where the answer lies in the "
    "window the simpler network is as good, or better (Gers, Eck and Schmidhuber 2001 found so for real series)."
)
TRY = (
    "Train both on the mark to remember, and move the window: however wide it is made, the mark lies before it.",
    "Then take a real series, where the last few numbers say nearly all there is to say.",
)
MAX_SEEDS = 5
_SHOWN = 100  # The picture has so many steps.
_ALIKE = 0.03  # Errors that differ by less than this part are called alike.


class Forecasters:
    """Forecasts of the held-out part of each series, trained when they are first asked for and then kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forecasts: dict[tuple[Any, ...], Tensor] = {}

    def lstm(self, title: str, seed: int) -> Training:
        """As `train_lstm`."""
        return self._once(("lstm", title, seed), train_lstm(series(title), seed))

    def window(self, title: str, width: int, seed: int) -> Training:
        """As `train_window`."""
        return self._once(("window", title, width, seed), train_window(series(title), width, seed))

    def _once(self, key: tuple[Any, ...], training: Training) -> Training:
        with self._lock:
            forecasts = self._forecasts.get(key)
        if forecasts is None:
            forecasts = yield from training
            with self._lock:
                self._forecasts[key] = forecasts
        return forecasts


class MemoryHandlers:
    """What happens in this part of the page."""

    def __init__(self, progress: gr.HTML, shown: gr.HTML) -> None:
        self.progress, self.shown = progress, shown
        self._forecasters = Forecasters()
        self.runs = LatestRun()

    @latest
    def show(self, request: gr.Request, title: str, width: int, place: int, seed: int) -> Steps:
        """Train what is not trained yet, and show what comes of it. Raises `InputError` for what is out of range."""
        check(title, width, place, seed)
        width, place, seed = int(width), int(place), int(seed)
        lstm = yield from self._watch(self._forecasters.lstm(title, seed), "The LSTM learns")
        window = yield from self._watch(self._forecasters.window(title, width, seed), "The window learns")
        yield {self.progress: "", self.shown: picture(series(title), width, place, lstm, window)}

    def _watch(self, training: Training, label: str) -> Generator[Updates, None, Tensor]:
        while True:
            try:
                done, whole = next(training)
            except StopIteration as end:
                forecasts: Tensor = end.value
                return forecasts
            bar = f'<progress value="{done}" max="{whole}" aria-label="{label}"></progress>'
            text = f"<p>{label}: step {done:,} of {whole:,}</p>"
            yield {self.progress: f'<div class="sq-progress">{bar}{text}</div>'}


def check(title: object, width: object, place: object, seed: object) -> None:
    """Raises `InputError` for what the page does not offer."""
    if title not in TITLES:
        raise InputError(f"The series must be one of {', '.join(TITLES)}, not {title!r}")
    for name, value, maximum in (("window", width, MAX_WINDOW), ("place", place, _SHOWN), ("seed", seed, MAX_SEEDS)):
        check_number(f"The {name}", value, 1, maximum, whole=True)


def picture(of: Series, width: int, place: int, lstm: Tensor | None = None, window: Tensor | None = None) -> str:
    """The held-out part of a series, what a window sees of it before one of its places, and what both forecast.

    Args:
        place: from 1 to 100, of the steps shown.
    """
    begin, end = of.begin, min(of.begin + _SHOWN, len(of.values))
    at = min(begin + int(place) - 1, end - 1)
    steps = range(begin - MAX_WINDOW, end)
    lines = [Line("what came", list(steps), of.values[steps.start : end].tolist())]
    scored = [step for step in range(begin, end) if bool(of.scored[step])]
    for forecasts, label, look in ((lstm, "LSTM", "first"), (window, f"window of {width}", "second")):
        if forecasts is not None:
            values = [float(forecasts[step - begin]) for step in scored]
            lines.append(Line(label, scored, values, look, joined=len(scored) == end - begin))
    figure = line_figure(lines, "step", of.unit, (at - width - 0.5, at - 0.5), at)
    description = (
        f"{of.title}: steps {begin} to {end - 1}. Shaded: the {width} steps that the window sees before step {at}"
    )
    drawn = scrolling(svg(figure, description), "Chart", "sq-scroll sq-chart")
    key = (
        "<p>Dotted: the step that is forecast. Shaded: all that the window sees of what came before; the LSTM has "
        f"read everything from the beginning. {escape(of.source)}</p>"
    )
    if lstm is None or window is None:
        return f'<div class="sq-note">{key}</div>{drawn}'
    return (
        f'<div class="sq-note">{key}</div>{drawn}{_at(of, at, width, lstm, window)}{_errors(of, width, lstm, window)}'
    )


def _at(of: Series, at: int, width: int, lstm: Tensor, window: Tensor) -> str:
    if not bool(of.scored[at]):
        return "<p class='sq-said'>At this step there is nothing to remember: move the place to one of the dots.</p>"
    values = (float(of.values[at]), float(lstm[at - of.begin]), float(window[at - of.begin]))
    came, read, seen = (_number(value) for value in values)
    return (
        f'<p class="sq-said">At step {at:,} came <strong>{came}</strong>; the LSTM said <strong>{read}</strong>, the '
        f"window of {width} said <strong>{seen}</strong>.</p>"
    )


def _errors(of: Series, width: int, lstm: Tensor, window: Tensor) -> str:
    errors = {
        "LSTM": of.error(lstm),
        f"Window of {width}": of.error(window),
        "The last value again": of.error(repeated(of)),
        "The mean": of.error(mean(of)),
    }
    least = min(errors.values())
    rows = "".join(
        f'<tr><th scope="row">{name}</th><td>{"<strong>" * (value == least)}{_number(value)}'
        f"{'</strong> least' * (value == least)}</td></tr>"
        for name, value in errors.items()
    )
    count = int(of.scored[of.begin :].sum())
    head = f'<tr><th scope="col">Forecast</th><th scope="col">Error ({escape(of.unit)})</th></tr>'
    note = f"Root mean squared error of {count:,} steps that were held out, one step ahead."
    return (
        f'<table class="sq-figures"><caption>{note}</caption><thead>{head}</thead><tbody>{rows}</tbody></table>'
        f'<p class="sq-said">{verdict(*errors.values())}</p>'
    )


def verdict(lstm: float, window: float, last: float, mean: float) -> str:
    """What was measured, in a sentence."""
    floor = min(last, mean)
    if min(lstm, window) > (1 - _ALIKE) * floor:
        named = "repeating the last value" if last <= mean else "always saying the mean"
        return f"Neither is better than {named}: what was seen says nearly nothing about what comes next."
    if lstm < (1 - _ALIKE) * window:
        if window > (1 - _ALIKE) * floor:
            return "The LSTM knows what comes; the window is no better than a guess, for what decides lies before it."
        return f"The LSTM is better here: its error is {100 * (1 - lstm / window):.0f} % less than the window’s."
    if window < (1 - _ALIKE) * lstm:
        return f"The window is better here: its error is {100 * (1 - window / lstm):.0f} % less than the LSTM’s."
    return "Both are about as good here: all that helps lies in the window."


def _number(value: float) -> str:
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3f}"


def build(loads: Mapping[str, LazyTask[Any]]) -> MemoryHandlers:
    """Build it where it is called; it needs no checkpoint."""
    gr.HTML(lesson(ABOUT), apply_default_css=False)
    with gr.Row():
        chosen = gr.Radio(TITLES, value=TITLES[0], label="Series", elem_id="series", min_width=280)
        seed = gr.Slider(1, MAX_SEEDS, value=1, step=1, label="Seed", elem_id="memory-seed", min_width=140)
    with gr.Row():
        width = gr.Slider(
            1, MAX_WINDOW, value=4, step=1, label="Window", elem_id="window", min_width=200,
            info="Numbers that the multilayer perceptron sees.",
        )  # fmt: skip
        place = gr.Slider(
            1, _SHOWN, value=_first_scored() + 1, step=1, label="Place", elem_id="place", min_width=200,
            info="Which held-out step is forecast.",
        )  # fmt: skip
    go = gr.Button("Train and forecast", variant="primary", elem_id="forecast")
    handlers = MemoryHandlers(html("memory-progress"), html("forecasts"))
    progress, shown = handlers.progress, handlers.shown
    on(partial(gr.on, None), lambda: picture(series(TITLES[0]), 4, _first_scored() + 1), None, shown)
    live: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "live-training"}
    for begin in (go.click, chosen.input, width.release, place.release, seed.release):
        on(begin, handlers.show, [chosen, width, place, seed], [progress, shown], trigger_mode="always_last", **live)
    gr.HTML(to_try(TRY), apply_default_css=False)
    note = (
        "Hochreiter and Schmidhuber (1997) asked this first: of many numbers two are marked, and after the last one "
        "their sum is wanted. Mean squared error on unseen sequences; always answering 1 has 0.167, and below 0.01 "
        "counts as solved. The other networks have as many parameters and got five times the training. Measured "
        f"before, by <code>{COMMAND}</code>."
    )
    adding = part("The adding problem", note) + scrolling(adding_table(), "The adding problem")
    gr.HTML(adding, elem_id="adding", apply_default_css=False)
    return handlers


def _first_scored() -> int:
    """Which of the steps shown of the first series is the second answer in it."""
    of = series(TITLES[0])
    return int(of.scored[of.begin :].nonzero()[1])
