"""
Charts as SVG from the server: they need no JavaScript, and print.

Each is an image with a title for those who do not see it; the page puts the same figures in a table
below (macro `chart`). Axes begin at zero, or below it where a value is less. A wide chart has a
narrow variant beside it for phones, for the text of an SVG shrinks with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup, escape

WIDE, NARROW = (760, 240), (360, 220)
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 8, 12, 28
_TIP = 100
"""So far from both ends of the axis stays the middle of what is told of a point."""
_STEPS = (1, 2, 2.5, 5, 10)


def area(
    title: str,
    labels: Sequence[str],
    values: Sequence[float],
    *,
    before: Sequence[float] = (),
    tips: Sequence[str] = (),
    write: Callable[[float], str] = str,
    size: tuple[int, int] = WIDE,
) -> Markup:
    """Return a line with its area, and the period before it dashed; `tips` tell each point."""
    frame = _Frame(size, max(len(values), 2), [*values, *before])
    body = [frame.grid(write), frame.names(labels)]
    line = frame.line(values)
    if values:
        floor = frame.y(0)
        ends = f"L{frame.x(len(values) - 1):.1f} {floor:.1f}L{frame.x(0):.1f} {floor:.1f}Z"
        body.append(f'<path class="area" d="{line}{ends}"/>')
    if before:
        body.append(f'<path class="before" d="{frame.line(before)}"/>')
    body.append(f'<path class="line" d="{line}"/>')
    return _svg(title, size, [*body, frame.hits(tips)], tells=bool(tips))


def bars(
    title: str,
    labels: Sequence[str],
    values: Sequence[float],
    *,
    tips: Sequence[str] = (),
    write: Callable[[float], str] = str,
    size: tuple[int, int] = WIDE,
) -> Markup:
    """Return vertical bars; `tips` tell each."""
    frame = _Frame(size, len(values), values, banded=True)
    width = max(2.0, frame.step * 0.6)
    body = [frame.grid(write), frame.names(labels)]
    for place, value in enumerate(values):
        y = frame.y(value)
        body.append(
            f'<rect class="bar" x="{frame.x(place) - width / 2:.1f}" y="{y:.1f}"'
            f' width="{width:.1f}" height="{max(0.0, frame.y(0) - y):.1f}" rx="2"/>'
        )
    return _svg(title, size, [*body, frame.hits(tips)], tells=bool(tips))


def spark(title: str, values: Sequence[float]) -> Markup:
    """Return a small line without axes, for a card."""
    if len(values) < 2:
        return Markup("")
    low, high = min(values), max(values)
    span = (high - low) or 1
    points = [
        f"{place * 78 / (len(values) - 1) + 1:.1f} {26 - (value - low) / span * 24:.1f}"
        for place, value in enumerate(values)
    ]
    path = f'<path class="line" d="M{"L".join(points)}"/>'
    return Markup(  # numbers and an escaped title
        f'<svg class="chart spark" viewBox="0 0 80 28" role="img"><title>{escape(title)}</title>'
        f"{path}</svg>"
    )


class _Frame:
    """Where values are on the picture."""

    def __init__(
        self,
        size: tuple[int, int],
        count: int,
        values: Sequence[float],
        *,
        banded: bool = False,
    ) -> None:
        self.width, self.height = size
        self.count = max(count, 1)
        low = min([*values, 0])
        self.low = -_ceiling([-low]) if low < 0 else 0.0
        self.top = _ceiling(values) if low >= 0 or max(values) > 0 else 0.0
        inner = self.width - _LEFT - _RIGHT
        self.step = inner / (self.count if banded else max(self.count - 1, 1))
        self.start = _LEFT + (self.step / 2 if banded else 0)

    def x(self, place: int) -> float:
        return self.start + place * self.step

    def y(self, value: float) -> float:
        inner = self.height - _TOP - _BOTTOM
        return _TOP + inner * (self.top - value) / (self.top - self.low)

    def line(self, values: Sequence[float]) -> str:
        points = [f"{self.x(place):.1f} {self.y(value):.1f}" for place, value in enumerate(values)]
        return "M" + "L".join(points) if points else ""

    def grid(self, write: Callable[[float], str]) -> str:
        lines = []
        for part in range(5):
            value = self.low + (self.top - self.low) * part / 4
            y = self.y(value)
            lines.append(
                f'<path class="grid" d="M{_LEFT} {y:.1f}H{self.width - _RIGHT}"/>'
                f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
                f"{escape(write(value))}</text>"
            )
        return "".join(lines)

    def hits(self, tips: Sequence[str]) -> str:
        """Return what is pointed at for each place, from the top to the floor, and its words."""
        size = f'width="{self.step:.1f}" height="{self.height - _TOP - _BOTTOM}"'
        first, last = _LEFT + _TIP, self.width - _RIGHT - _TIP
        return "".join(
            f'<rect class="hit" x="{self.x(place) - self.step / 2:.1f}" y="{_TOP}" {size}/>'
            f'<text class="tip" x="{min(max(self.x(place), first), last):.0f}"'
            f' y="{_TOP - 2}" text-anchor="middle">{escape(tip)}</text>'
            for place, tip in enumerate(tips)
        )

    def names(self, labels: Sequence[str]) -> str:
        shown = max(1, round(len(labels) / (self.width / 120)))
        return "".join(
            f'<text x="{self.x(place):.1f}" y="{self.height - 8}" text-anchor="middle">'
            f"{escape(text)}</text>"
            for place, text in enumerate(labels)
            if place % shown == shown // 2
        )


def _ceiling(values: Sequence[float]) -> float:
    """Return a round number at or above all values, which quarters well."""
    highest = max([*values, 0])
    if highest <= 0:
        return 4.0
    power = 10.0 ** (len(str(int(highest))) - 1)
    return next(step * power for step in _STEPS if step * power >= highest)


def _svg(title: str, size: tuple[int, int], body: Sequence[str], *, tells: bool = False) -> Markup:
    width, height = size
    focus = ' tabindex="0"' if tells else ""
    return Markup(  # numbers and escaped texts
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img"{focus}>'
        f"<title>{escape(title)}</title>{''.join(body)}</svg>"
    )
