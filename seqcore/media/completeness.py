"""Whether a file holds all that it says: what a download left out, and a recorder could not write any more."""

from typing import Any, NamedTuple

# Formats that say how long they are, or how much, before the first frame; others are measured by FFmpeg on what is
# there (MPEG-TS, VOB, OGG, raw streams), or say nothing (GIF).
_INDEXED, _COUNTED = frozenset({"mov", "mp4"}), frozenset({"avi"})
_TIMED, _TIMED_FILM = frozenset({"matroska", "webm", "flv"}), frozenset({"ivf", "mxf"})
_SAYING = _INDEXED | _COUNTED | _TIMED | _TIMED_FILM
_MIN_MISSING, _MAX_MISSING = 0.25, 2.0  # Seconds: what rounding, or a last packet of sound, may account for.
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
        self.is_of_all = bool(self._kinds & _TIMED) and self._duration() > 0
        self.is_broken = self._is_torn = False
        self.lost = 0
        self._end = 0.0  # Seconds.

    def note(self, packet: Any) -> None:
        """Note a packet that came. One that ends before its end is the last one, where a file was cut."""
        if packet.stream is self._stream and packet.size:
            self._is_torn = packet.is_corrupt
        if packet.pts is not None and packet.time_base:
            duration = max(0, packet.duration or 0)
            self._end = max(self._end, float((packet.pts + duration) * packet.time_base))

    def cut_short(self, seconds: float, frames: int, rate: float) -> CutShort | None:
        """What there would be of a film that was read to its end; None if that is what came.

        Args:
            seconds, frames: what was read.
            rate: frames a second.
        """
        is_damaged = self.is_broken or self._is_torn or self.lost > _MAX_LOST
        whole = self._whole(seconds, rate)
        if whole is None and is_damaged and self._kinds & _SAYING and self._duration() > seconds + _MIN_MISSING:
            whole = self._duration()
        if whole is None:
            return CutShort(None, None) if is_damaged else None
        return CutShort(max(whole, seconds), max(round(whole * rate), frames + 1))

    def _whole(self, seconds: float, rate: float) -> float | None:
        """Seconds that the film would have; None if nothing is missing."""
        if self._kinds & _INDEXED:
            return self._indexed(seconds, rate)
        if self._kinds & _COUNTED:
            claimed, came = float(self._stream.frames * (1 / (self._stream.average_rate or 25))), self._end
        elif self._kinds & _TIMED_FILM or self.is_of_all:
            claimed, came = self._duration(), self._end
        else:
            return None
        if claimed - came <= min(_MAX_MISSING, max(_MIN_MISSING, _MISSING_PART * claimed)):
            return None
        return claimed

    def _indexed(self, seconds: float, rate: float) -> float | None:
        """MP4 and MOV say where in the file each frame lies: some may lie beyond its end."""
        size, entries = self._container.size, self._stream.index_entries
        missing = 0
        for place in range(len(entries) - 1, -1, -1):
            if size <= 0 or entries[place].pos + entries[place].size <= size:
                break
            missing += 1
        return max(self._duration(), seconds + missing / rate) if missing else None

    def _duration(self) -> float:
        if self._kinds & _TIMED:
            return max(0, self._container.duration or 0) / 1_000_000
        return float((self._stream.duration or 0) * (self._stream.time_base or 0))
