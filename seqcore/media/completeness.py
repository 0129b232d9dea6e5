"""Whether a file holds all that it says: what a download left out, and a recorder could not write any more."""

from typing import Any, NamedTuple

# Formats that say how long they are, or how much, before the first frame; others are measured by FFmpeg on what is
# there (MPEG-TS, VOB, OGG, raw streams), or say nothing (GIF).
_INDEXED, _COUNTED = frozenset({"mov", "mp4"}), frozenset({"avi"})
_TIMED, _TIMED_FILM = frozenset({"matroska", "webm", "flv"}), frozenset({"ivf", "mxf"})
_MIN_MISSING, _MAX_MISSING = 0.25, 2.0  # Seconds: what rounding, or a last packet of sound, may account for;
_MIN_MISSING_ALONE = 0.1  # of a film without sound.
_MISSING_PART = 0.005  # Of the whole, between these two.
_MAX_LOST = 2  # Packets at the end: an end that nobody wrote is longer, as where a download left zeros.


class CutShort(NamedTuple):
    """How much there would be of a file that ends before its end, as it says itself.

    Attributes:
        seconds: None where it does not say.
        frames: about; None where it does not say.
    """

    seconds: float | None
    frames: int | None

    def describe(self, seconds: float, frames: int) -> str:
        """What was read of how much, in a clause.

        Example:
            >>> CutShort(4.0, 100).describe(2.44, 61)
            'is cut short: 2.44 of 4.00 seconds were read, 61 of about 100 frames'
            >>> CutShort(None, None).describe(2.44, 61)
            'is damaged: 2.44 seconds were read, 61 frames, and what follows cannot be'
        """
        if self.seconds is None or self.frames is None:
            return f"is damaged: {seconds:.2f} seconds were read, {frames:,} frames, and what follows cannot be"
        read = f"{seconds:.2f} of {self.seconds:.2f} seconds were read"
        return f"is cut short: {read}, {frames:,} of about {self.frames:,} frames"


class Claim:
    """What a container says that it holds, compared with the packets that came.

    Attributes:
        is_of_all: it says how long all streams together are, so that packets of all must be noted.
        is_broken: reading had to end.
        lost: how many packets in a row, up to now, could not be decoded.
    """

    def __init__(self, container: Any, stream: Any) -> None:
        self._container, self._stream = container, stream
        self._kinds = frozenset(container.format.name.split(","))
        self.is_of_all = bool(self._kinds & _TIMED) and self._claimed() > 0
        self.is_broken = self._is_torn = False
        self.lost = 0
        self._begin, self._end = float("inf"), 0.0  # Seconds.

    def note(self, packet: Any) -> None:
        """Note a packet that came. One that ends before its end is the last one, where a file was cut."""
        if packet.stream is self._stream and packet.size:
            self._is_torn = packet.is_corrupt
        ticks = packet.dts if packet.pts is None else packet.pts
        if ticks is not None and packet.time_base:
            begin, duration = float(ticks * packet.time_base), float(max(0, packet.duration or 0) * packet.time_base)
            self._begin, self._end = min(self._begin, begin), max(self._end, begin + duration)

    def cut_short(self, seconds: float, frames: int, rate: float) -> CutShort | None:
        """What there would be of a film that was read to its end; None if that is what came.

        Args:
            seconds, frames: what was read.
            rate: frames a second.
        """
        missing = self._missing(seconds, rate)
        if missing is None:
            return CutShort(None, None) if self._is_damaged else None
        return CutShort(seconds + missing, max(round((seconds + missing) * rate), frames + 1))

    @property
    def _is_damaged(self) -> bool:
        return self.is_broken or self._is_torn or self.lost > _MAX_LOST

    def _missing(self, seconds: float, rate: float) -> float | None:
        """Seconds that the film would have beyond those that were read; None if nothing is missing."""
        if self._kinds & _INDEXED and (count := self._frames_beyond_the_end()):
            return max(self._claimed() - seconds, count / rate)
        # The last frame of a film, or of its sound, may not say how long it is.
        shown_until = self._begin + seconds
        missing = self._claimed() - (shown_until if self._is_damaged else max(self._end, shown_until))
        if self._kinds & _INDEXED or self._is_damaged:
            return missing if self._is_damaged and missing > 0.5 / rate else None
        least = _MIN_MISSING if len(self._container.streams) > 1 else _MIN_MISSING_ALONE
        return missing if missing > min(_MAX_MISSING, max(least, _MISSING_PART * self._claimed())) else None

    def _frames_beyond_the_end(self) -> int:
        """MP4 and MOV say where in the file each frame lies: how many of them lie beyond its end."""
        size, entries, count = self._container.size, self._stream.index_entries, 0
        while size > 0 and count < len(entries) and entries[-1 - count].pos + entries[-1 - count].size > size:
            count += 1
        return count

    def _claimed(self) -> float:
        """Seconds that there are, as the file says; 0 where it does not say, or only as far as it goes."""
        if self._kinds & _COUNTED:
            return float(self._stream.frames / (self._stream.average_rate or 25))
        if self._kinds & _TIMED:
            return max(0, self._container.duration or 0) / 1_000_000
        if self._kinds & (_INDEXED | _TIMED_FILM):
            return float((self._stream.duration or 0) * (self._stream.time_base or 0))
        return 0.0
