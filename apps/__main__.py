"""python -m apps: every app as a page of one server."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from apps.launch import CHECKPOINTS, FILE_LIFETIME, LazyTask, lazy_task, serve
from apps.options import parser

if TYPE_CHECKING:
    import gradio as gr


@dataclass(frozen=True)
class App:
    """An app that exists: `apps.<name>.app.build` makes its page, `checkpoints/<model>` is its model."""

    name: str
    title: str
    summary: str
    model: str


APPS = (
    App(
        "translator",
        "Translator",
        "English, German and French, and where the model looked for every word.",
        "translator",
    ),
    App("sentiment", "Sentiment", "How a text is meant, how sure that is, and what each word adds to it.", "sentiment"),
    App(
        "captioner", "Captioner", "A photograph in a sentence, and where the model looked for every word.", "captioner"
    ),
    App(
        "video",
        "Video",
        "Every frame of a film gets its label: what the camera does, where a shot ends.",
        "video-shots",
    ),
)


def build(loads: Mapping[str, LazyTask[Any]], apps: Sequence[App] = APPS) -> "gr.Blocks":
    """One app is its own page; several get a front page and a page each. `loads` gives every app's task."""
    import gradio as gr  # here, so that `apps.launch` can first see to it that gradio stays at home

    pages = {app: importlib.import_module(f"apps.{app.name}.app").build(loads[app.name]) for app in apps}
    if len(pages) == 1:
        return next(iter(pages.values()))
    with gr.Blocks(title="seqcore", delete_cache=FILE_LIFETIME) as site:
        gr.HTML(_front(apps), apply_default_css=False)
    for app, page in pages.items():
        with site.route(app.title, app.name):
            page.render()
    return site


def _front(apps: Sequence[App]) -> str:
    cards = "".join(
        f'<a class="sq-card" href="{app.name}">'
        f"<strong>{escape(app.title)}</strong><span>{escape(app.summary)}</span></a>"
        for app in apps
    )
    intro = "One LSTM reads a sequence into a memory; another one, or a small head, turns that memory into an answer."
    return f'<div class="sq-head"><h1>seqcore</h1><p>{intro}</p></div><nav class="sq-cards">{cards}</nav>'


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and serve every app until stopped."""
    options = parser("Serve every app in the browser.")
    options.add_argument(
        "--checkpoint", action="append", default=[], metavar="APP=PATH",
        help="folder or hub id of an app's model, for example translator=../runs/mine; may be given once for each app",
    )  # fmt: skip
    chosen = options.parse_args(arguments)
    checkpoints = {app.name: str(CHECKPOINTS / app.model) for app in APPS}
    for entry in chosen.checkpoint:
        name, separator, path = entry.rpartition("=")
        if not separator and len(APPS) == 1:
            name = APPS[0].name
        if name not in checkpoints or not path:
            options.error(f"--checkpoint takes APP=PATH with an app of {', '.join(checkpoints)}, not {entry!r}")
        checkpoints[name] = path
    serve(build({name: lazy_task(path, chosen.device) for name, path in checkpoints.items()}), chosen)


if __name__ == "__main__":
    main()
