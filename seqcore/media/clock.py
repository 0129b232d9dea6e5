"""When the frames of a film are shown: the clocks of files restart, jump, count too finely or not at all."""

from collections import deque
from statistics import median

MAX_GAP = 10.0  # Seconds. A longer one is a jump where clocks may jump, as FFmpeg has it (`dts_delta_threshold`).
MAX_ANY_GAP = 108_000.0  # In any format (FFmpeg's `dts_error_threshold`).
MIN_STEP = 1e-5  # Seconds; frames that are closer are shown at once.
MAX_STEP_BACK = 0.1  # Seconds; where clocks go back further, another film begins.
_REMEMBERED = 25  # Steps between frames, for how long a frame is usually shown.


class Clock:
    """Times of frames as a player shows them: from the first frame on, in seconds, and always growing.

    Where a file's clock goes back, its parts were joined: the next one goes on when the frame before has ended. Where
    clocks may jump, as in MPEG-TS, the same is true of a step ahead of more than ten seconds; a film in MP4 or WebM
    may well show one frame for a minute.

    Args:
        usual_step: seconds that a frame is shown, as far as the file says.
        jumps: whether clocks of this format may jump.

    Attributes:
        count: frames so far.
        time: of the last frame; `end` is where it ends.

    Example:
        >>> clock = Clock(0.5, jumps=True)
        >>> [clock.tick(time) for time in (7.0, 7.5, 8.0, 7.0, 7.5)]  # Two films, one behind the other.
        [0.0, 0.5, 1.0, 1.5, 2.0]
    """

    def __init__(self, usual_step: float, jumps: bool) -> None:
        self.count, self.time = 0, 0.0
        self._usual_step, self._jumps = usual_step, jumps
        self._steps: deque[float] = deque(maxlen=_REMEMBERED)
        self._offset: float | None = None
        self._begin = self._duration = 0.0

    def tick(self, time: float | None, duration: float = 0.0) -> float:
        """The time of the next frame.

        Args:
            time: what the file says, in seconds; None if it says nothing.
            duration: for how long it is shown as the file says; 0 if it says nothing.
        """
        if not self.count:
            shown = 0.0
            self._offset = None if time is None else -time
            self._begin = time or 0.0
        elif time is None:
            shown = self.end
        elif self._offset is None or self._is_jump(time):
            shown = self.end
            self._offset, self._begin = shown - time, time
        else:
            shown = time + self._offset
            if shown - self.time < MIN_STEP:  # Two at once, or a clock that trembles.
                shown = self.time + min(self.step, self._usual_step) / 2
            else:
                self._steps.append(shown - self.time)
        self.count, self.time, self._duration = self.count + 1, shown, duration
        return shown

    @property
    def end(self) -> float:
        """Where the last frame ends."""
        shortest, longest = min([*self._steps, self._usual_step]) / 4, MAX_GAP if self._jumps else MAX_ANY_GAP
        return self.time + (self._duration if shortest <= self._duration <= longest else self.step)

    @property
    def step(self) -> float:
        """For how long a frame is shown as a rule."""
        return median(self._steps) if self._steps else self._usual_step

    def _is_jump(self, time: float) -> bool:
        assert self._offset is not None
        ahead = time + self._offset - self.time
        restarted = time < self._begin or (time == self._begin and self.time > 0)
        is_back = ahead < -max(MAX_STEP_BACK, 4 * self.step) or (ahead < 0 and restarted)
        return is_back or ahead > (MAX_GAP if self._jumps else MAX_ANY_GAP)

    def rate(self, said: float) -> float:
        """Frames a second on average: what the file says, where its times agree with that to a millisecond or two."""
        if self.count < 2:
            return said if self.count and abs(self.end * said - 1) < 0.5 else 1 / self.end
        measured = (self.count - 1) / self.time
        return said if abs((self.count - 1) / said - self.time) < 0.002 else measured
