"""The panel Gradients: how far back through time a gradient reaches, and what clipping and truncation do."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import gradio as gr

from apps.inside.gradients_views import chart, figures, measure, summary
from apps.inside.lessons import LIMITED, lesson, to_try
from apps.page import on
from apps.server.models import LazyTask
from apps.ui.layout import html, part, scrolling

LESSON = (
    "A recurrent network learns by sending the error back through time, step by step. At every step the gradient is "
    "multiplied by the same kind of matrix, so over many steps it dies away or explodes (Hochreiter 1991; Bengio, "
    "Simard & Frasconi 1994). What happened long ago is then not learned from, or one step of training ruins all. The "
    "LSTM's cell is a way on which the gradient is multiplied by the forget gate alone: where that stays open, it "
    "arrives. A forget bias of 1 opens it from the start (Gers 2000; Jozefowicz 2015). Clipping shortens a gradient "
    "that is too long (Pascanu, Mikolov & Bengio 2013); truncation stops it after some steps, which saves memory and "
    "time (Williams & Peng 1990)."
)
TRY = (
    "As it stands, nothing is trained yet: look how much of the gradient each network has left at the far end.",
    "Raise the recurrent gain to 1.5, then to 3: the plain RNN explodes. Clipping keeps the step of training small.",
    "Lower the gain to 0.5: the plain RNN forgets within a few steps, and no clipping brings that back.",
    "Set the truncation to 20: what lies further back cannot be learned, whatever the network.",
)


def build(loads: Mapping[str, LazyTask[Any]]) -> None:
    """Components and events, in the tab that is open; the networks are made here, so no model is needed."""
    gr.HTML(lesson(LESSON), apply_default_css=False)
    look: dict[str, Any] = {"min_width": 200}
    with gr.Row():
        length = gr.Slider(10, 200, value=100, step=1, label="Length", info="Steps of a sequence", **look)
        depth = gr.Slider(1, 4, value=1, step=1, label="Depth", info="Layers, one on another", **look)
        gain = gr.Slider(
            0.5, 3.0, value=1.0, step=0.1, label="Recurrent gain", **look,
            info="Times the recurrent matrices, which start orthogonal",
        )  # fmt: skip
    with gr.Row():
        threshold = gr.Slider(0.1, 10.0, value=1.0, step=0.1, label="Clip at", info="Longest gradient allowed", **look)
        truncation = gr.Slider(
            0, 200, value=0, step=1, label="Truncate after", **look, info="Steps a gradient may go back; 0: all"
        )
    drawn = html("gradients-chart", filled=True)
    gr.HTML(to_try(TRY), apply_default_css=False)
    # On opening the page, and whenever a slider moves.
    settings = [length, depth, gain, threshold, truncation]
    on(partial(gr.on, None), show, settings, drawn, trigger_mode="always_last", **LIMITED)


def show(length: float, depth: float, gain: float, threshold: float, truncation: float) -> str:
    """The chart, what changed in words, and the figures, as HTML."""
    steps = min(max(int(length), 2), 200)
    cut = min(max(int(truncation), 0), 200)
    measured = measure(steps, min(max(int(depth), 1), 4), round(min(max(float(gain), 0.1), 3.0), 2), cut)
    limit = max(float(threshold), 0.01)
    note = (
        "Three networks of 32 units, untrained, read the same random sequences; the loss is at the last step. The "
        "higher a line, the more of the error still arrives so many steps before the end."
    )
    return (
        f"{part('What is left of the gradient', note)}{scrolling(chart(measured, cut), 'Chart')}"
        f'<p class="sq-said" role="status">{summary(measured, limit, cut)}</p>{figures(measured, limit)}'
    )
