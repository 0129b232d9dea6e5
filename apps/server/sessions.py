"""The servers of this process, which share one folder, and the files in it that their pages and visitors have."""

import gradio as gr

from apps.server.gradio_patches import files_in, pinned_files, sessions, shown_values

SERVERS: list[gr.Blocks] = []


def page_files() -> set[str]:
    """Files of the pages themselves, such as their examples."""
    return set().union(*map(pinned_files, list(SERVERS)))


def closed_session_files() -> set[str]:
    """Files of pages and programs that were closed, as far as no open one of any server has them, too."""
    files: dict[bool, set[str]] = {True: set(), False: set()}
    for demo in list(SERVERS):
        for session in sessions(demo):
            files[session.is_closed].update(files_in(shown_values(session)))
    return files[True] - files[False]
