"""The translator's page: text in, translation out, and a look at how each sentence came about.

`gradio apps/translator/app.py` serves it and reloads it when this file changes.
"""

from typing import TYPE_CHECKING, Any

import gradio as gr

from apps.launch import CHECKPOINTS, LazyTask, run_app, user_errors
from apps.translator.answers import WIDEST_BEAM, Answers, box_labels, cleared, heading, look_closer

if TYPE_CHECKING:
    from seqcore.tasks.translation import Translator

EXAMPLES = [
    "A young girl in a red dress is jumping into a pool.",
    "Two men are playing guitar on a street corner.",
    "A brown dog runs through the snow with a stick in its mouth.",
    "A woman is selling fruit.\nA boy rides his bicycle.",
]


def build(load: "LazyTask[Translator]") -> gr.Blocks:
    """The page, and the endpoints `/translate` and `/explain_translation`. `load` gives the task, on first use."""
    answers = Answers(load)
    with gr.Blocks(title="Translator · seqcore") as page:
        head = gr.HTML(heading(""), apply_default_css=False)
        trouble = gr.HTML(visible=False, elem_id="trouble", apply_default_css=False)
        direction = gr.Dropdown([("English → German", "en-de")], label="Direction", visible=False)
        text, translation = _text_boxes()
        status = gr.Markdown(elem_classes="sq-status", elem_id="status")
        with gr.Row(elem_classes="sq-buttons"):
            clear = gr.Button("Clear", scale=1, min_width=90)
            go = gr.Button("Translate", variant="primary", scale=4, elem_id="translate")
        examples = gr.Examples(
            [[example] for example in EXAMPLES], text, label="Examples", api_visibility="private",
            example_labels=[example.replace("\n", " ⏎ ") for example in EXAMPLES],
        )  # fmt: skip
        beam, penalty = _settings()
        results = gr.State([])
        with gr.Column(visible=False, elem_classes="sq-closer") as closer:
            which = gr.Dropdown([], label="A closer look at", type="index", elem_id="sentence")
            details = gr.HTML(elem_id="details", apply_default_css=False)

        inputs, outputs = [text, direction, beam, penalty], [translation, status, results, closer, which, details]
        for event in (go.click, text.submit, examples.load_input_event.success):
            event(user_errors(answers.to_page), inputs, outputs, show_progress_on=translation, api_visibility="private")
        which.input(user_errors(look_closer), [results, which], details, api_visibility="private")
        direction.change(box_labels, direction, [text, translation], api_visibility="private")
        clear.click(cleared, None, [text, *outputs], api_visibility="private")
        greeted = [head, trouble, direction, text, translation]
        page.load(user_errors(answers.greet), None, greeted, api_visibility="private")
        gr.api(user_errors(answers.translate), api_name="translate")
        gr.api(user_errors(answers.explain), api_name="explain_translation")
    return page


def _text_boxes() -> tuple[gr.Textbox, gr.Textbox]:
    look: dict[str, Any] = {"lines": 6, "max_lines": 18, "min_width": 280, "elem_classes": "sq-text"}
    hint = "Type or paste text, one sentence a line. Shift + Enter translates."
    with gr.Row(equal_height=True):
        text = gr.Textbox(label="English", placeholder=hint, elem_id="source", **look)
        translation = gr.Textbox(label="German", interactive=False, buttons=["copy"], elem_id="translation", **look)
    return text, translation


def _settings() -> tuple[gr.Slider, gr.Slider]:
    beam_help = "How many translations are followed at once; 1 takes the likeliest word at every step."
    penalty_help = "Above 0 makes up for the lower probability of long translations."
    with gr.Accordion("Settings", open=False), gr.Row():
        beam = gr.Slider(1, WIDEST_BEAM, value=5, step=1, label="Beam size", info=beam_help)
        penalty = gr.Slider(0.0, 2.0, value=1.0, step=0.1, label="Length penalty", info=penalty_help)
    return beam, penalty


# Gradio's reloader looks for this name. It loads nothing yet.
demo = build(LazyTask(CHECKPOINTS / "translator"))

if __name__ == "__main__":
    run_app("translator", build, "Translate in the browser with a deep LSTM and attention.")
