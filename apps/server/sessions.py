"""What gradio remembers of its visitors, made small, and what those leave behind who have gone.

As it comes, gradio 6 describes every component of every page anew for each session, which takes tens of milliseconds
where pages are many; it takes each call of a program for a session of its own; and it keeps ten thousand of them.
"""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gradio.state_holder import SessionState, StateHolder
from gradio_client.utils import is_file_obj, traverse

if TYPE_CHECKING:
    from gradio.blocks import Blocks


class Session(SessionState):
    """A session that describes a component when it is first asked for.

    Only deep links, which no page of ours has, need all descriptions at once.
    """

    def __init__(self, blocks: "Blocks") -> None:
        nothing: Any = SimpleNamespace(default_config=blocks.default_config, blocks=())
        super().__init__(nothing)


class Sessions(StateHolder):
    """The sessions of a server. That of a program's single call ends with the call."""

    def __getitem__(self, session_id: str) -> SessionState:
        # A call that names no session is its own.
        event: Any = self.blocks._queue.event_ids_to_events.get(session_id)
        if event is None:
            session = super().__getitem__(session_id)
            session.is_closed = False  # a computer that slept is back
            return session
        if not hasattr(event, "seqcore_session"):  # several rounds of one call share it
            event.seqcore_session = Session(self.blocks)
        found: SessionState = event.seqcore_session
        return found


def files_of_closed_sessions(servers: Iterable[StateHolder]) -> set[str]:
    """Files of pages and programs that were closed, as far as no open one of any server has them, too."""
    of: dict[bool, set[str]] = {True: set(), False: set()}
    for sessions in servers:
        for session in list(sessions.session_data.values()):
            of[session.is_closed].update(files_in(list(session.config_values.values())))
    return of[True] - of[False]


def files_in(value: Any) -> set[str]:
    """All paths of files in what a session holds, or a page shows."""
    found: set[str] = set()

    def find(file: dict[str, Any]) -> None:
        found.add(file["path"])

    traverse(value, find, is_file_obj)
    return found


def install_session_patches() -> None:
    """See to it that servers made from now on keep their sessions in this way."""
    from gradio import route_utils, routes, state_holder

    for module, name, ours in (
        (routes, "StateHolder", Sessions),
        (route_utils, "SessionState", Session),
        (state_holder, "SessionState", Session),
    ):
        setattr(module, name, ours)
