"""The look of every page."""

from pathlib import Path

import gradio as gr

# Fonts of the reader's own system: no page waits for one, and none is asked of the network.
_FONTS = [gr.themes.Font(name) for name in ("system-ui", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif")]
_MONOSPACE = [gr.themes.Font(name) for name in ("ui-monospace", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")]
_SOFT = gr.themes.Soft(primary_hue="indigo", neutral_hue="slate", font=_FONTS, font_mono=_MONOSPACE)
# A shade darker than the theme's own, so that all text has the contrast that WCAG 2.2 AA asks for (4.5 to 1).
THEME = _SOFT.set(
    background_fill_primary="*neutral_50",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    block_info_text_color="*neutral_600",
    block_label_text_color="*primary_700",
    block_title_text_color="*primary_700",
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_dark="*primary_600",
    button_primary_background_fill_hover="*primary_700",
    button_primary_background_fill_hover_dark="*primary_700",
    checkbox_label_background_fill_selected="*primary_600",
    checkbox_label_background_fill_selected_dark="*primary_600",
    color_accent="*primary_600",
    input_border_color="*neutral_300",
)
_FOLDER = Path(__file__).resolve().parent
CSS = (_FOLDER / "style.css").read_text(encoding="utf-8")
HEAD = f"<script>{(_FOLDER / 'names.js').read_text(encoding='utf-8')}</script>"
