"""The page Inside: what the subject teaches, live, in the bundled models and in small networks made for it.

`gradio apps/inside/app.py` serves it and reloads it when this file changes.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from apps.inside import gates, gradients, labels, memory, writing
from apps.page import new_page
from apps.server.launch import run_apps
from apps.server.models import CHECKPOINTS, MODELS, LazyTask
from apps.ui.layout import heading

DESCRIPTION = "Look inside recurrent networks in the browser: gates, gradients, memory."

ABOUT = (
    "What happens in a network while it reads: its gates, the gradients it learned by, and what it can and cannot "
    "remember. Everything here is computed while you watch."
)


class Panel(NamedTuple):
    """A tab: its title, its id, and what fills it. A panel has its components and events to itself."""

    title: str
    elem_id: str
    build: Callable[[Mapping[str, LazyTask[Any]]], object]


PANELS = (
    Panel("Gates", "gates-tab", gates.build),
    Panel("Gradients", "gradients-tab", gradients.build),
    Panel("Memory", "memory-tab", memory.build),
    Panel("One to one", "labels-tab", labels.build),
    Panel("Writing", "writing-tab", writing.build),
)


def build(loads: Mapping[str, LazyTask[Any]]) -> gr.Blocks:
    """The page and its endpoints, `/trace_gates` among them.

    Args:
        loads: gives each model of `MODELS` on first use; one that is not there is missed in its own panel alone.
    """
    with new_page("Inside") as page:
        gr.HTML(heading("Inside", ABOUT), apply_default_css=False)
        for panel in PANELS:
            with gr.Tab(panel.title, elem_id=panel.elem_id):
                panel.build(loads)
    return page


main = partial(run_apps, build, DESCRIPTION)
# Gradio's reloader looks for this name. It loads nothing yet.
demo = build({model: LazyTask(CHECKPOINTS / model) for model in MODELS})

if __name__ == "__main__":
    main()
