"""python -m apps: every app as a page of one server."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import apps.server.environment  # noqa: F401

import gradio as gr

from apps.server.launch import DELETE_CACHE, run_apps
from apps.server.models import LazyTask
from apps.ui.home import Card, UnrolledDiagram, home_page


@dataclass(frozen=True)
class App:
    """An app that exists: `apps.<name>.app.build` makes its page of its models, folders in `checkpoints/`.

    An app that names no model is given all of them, by their names.
    """

    name: str
    title: str
    kind: str
    summary: str
    diagram: UnrolledDiagram
    models: tuple[str, ...] = ()


APPS = (
    App(
        "captioner",
        "Captioner",
        "One to many",
        "A photograph in a sentence, and where the model looked for every word.",
        UnrolledDiagram(("photo", "", "", ""), ("a", "dog", "runs", ".")),
        ("captioner",),
    ),
    App(
        "sentiment",
        "Sentiment",
        "Many to one",
        "How a text is meant, how sure that is, and what each word adds to it.",
        UnrolledDiagram(("a", "warm", "funny", "film"), ("", "", "", "positive")),
        ("sentiment",),
    ),
    App(
        "translator",
        "Translator",
        "Many to many",
        "English, German and French, and where the model looked for every word.",
        UnrolledDiagram(("a", "dog", "", ""), ("", "", "ein", "Hund")),
        ("translator",),
    ),
    App(
        "video",
        "Video",
        "Many to many, in step",
        "Every frame of a film gets its label: what the camera does, where a shot ends.",
        UnrolledDiagram(("frame 1", "frame 2", "frame 3", "frame 4"), ("pan", "pan", "cut", "still")),
        ("video-shots", "video-lipreading"),
    ),
    App(
        "inside",
        "Inside",
        "One to one",
        "An image and its label, no sequence at all: what the others are compared with. Then gates, gradients and "
        "memory, live, in any of the models.",
        UnrolledDiagram(("photo",), ("dog",), "CNN"),
    ),
)


def build(loads: Mapping[str, LazyTask[Any]], apps: Sequence[App] = APPS) -> gr.Blocks:
    """One app is its own page; several get a front page and a page each.

    Args:
        loads: for the name of every model, what gives its task. Pages that use the same model share it.
    """
    pages = {app: _page(app, loads) for app in apps}
    if len(pages) == 1:
        return next(iter(pages.values()))
    with gr.Blocks(title="seqcore", delete_cache=DELETE_CACHE) as site:
        cards = [Card(app.title, app.name, app.kind, app.summary, app.diagram) for app in pages]
        gr.HTML(home_page(cards), apply_default_css=False)
    for app, page in pages.items():
        with site.route(app.title, app.name):
            page.render()
    return site


def _page(app: App, loads: Mapping[str, LazyTask[Any]]) -> gr.Blocks:
    module: Any = importlib.import_module(f"apps.{app.name}.app")
    page: gr.Blocks = module.build(*(loads[model] for model in app.models)) if app.models else module.build(loads)
    return page


main = partial(run_apps, build, "Serve every app in the browser.")

if __name__ == "__main__":
    main()
