"""The private parts of gradio's queue of calls that are used.

They were seen in gradio 6.31.0. When one of them changes, `tests/apps/test_gradio_patches.py` fails and names it.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import apps.server.environment  # noqa: F401

import gradio as gr
from gradio.server_messages import ProcessCompletedMessage


def watch_queue(demo: gr.Blocks, begun: Callable[[Any, Any, float], None], full: Callable[[Any], None]) -> None:
    """Tell of the calls of a page whose queue is made, and which is not launched yet.

    Args:
        begun: is given an event's function, its request and the seconds that it waited, in the task that works on it.
        full: is given the function of a call for which there was no room.
    """
    queue = demo._queue
    process_events, push = queue.process_events, queue.push

    async def watched(events: list[Any], *rest: Any) -> None:
        for event in events:
            begun(event.fn, event.request, time.monotonic() - event.enqueue_time)
        await process_events(events, *rest)

    async def counted(body: Any, **named: Any) -> Any:
        result = await push(body=body, **named)
        if result[-1] == "queue_full":
            full(demo.fns.get(body.fn_index))
        return result

    queue.process_events, queue.push = watched, counted  # type: ignore[assignment, method-assign]


def waiting_calls(demo: gr.Blocks) -> int:
    """How many calls wait to be begun."""
    return len(demo._queue)


def running_calls(demo: gr.Blocks) -> int:
    """How many calls of the queue are worked on."""
    return int(demo._queue.get_active_worker_count())


def has_undelivered_answers(demo: gr.Blocks) -> bool:
    """Whether somebody may still come for an answer."""
    return any(demo._queue.pending_event_ids_session.values())


def knows_session(demo: gr.Blocks, session: str) -> bool:
    """Whether a page or a program has called this server by that name of a session."""
    return session in demo._queue.pending_messages_per_session


def knows_event(demo: gr.Blocks, event: str) -> bool:
    """Whether a call of this number is there, or its answer."""
    queue = demo._queue
    known = event in queue.event_ids_to_events or event in queue.pending_messages_per_session
    return known or any(event in events for events in queue.pending_event_ids_session.values())


def end_live_pictures(demo: gr.Blocks) -> None:
    """Let calls that wait for a camera's next picture end with the last one. For the thread of the server's loop."""
    for event in list(demo._queue.event_ids_to_events.values()):
        if event.streaming:
            event.run_time, event.closed = math.inf, True
            event.signal.set()


def fail_calls(demo: gr.Blocks, message: str) -> None:
    """Answer everybody who waits with an error. For the thread of the server's loop."""
    queue = demo._queue
    for session, events in list(queue.pending_event_ids_session.items()):
        if session in queue.pending_messages_per_session:
            for event in list(events):
                failure = ProcessCompletedMessage(output={"error": message}, success=False, event_id=event)
                queue.pending_messages_per_session[session].put_nowait(failure)
