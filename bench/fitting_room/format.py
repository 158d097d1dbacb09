"""Values as text: figures as a person reads them, and foreign text that no output takes for markup.

Accuracies are per cent and losses nats. The sd of ``mean ± sd (n)`` keeps one significant digit,
two where it begins with 1, and the mean ends where its sd does. Accuracies have at most 2 decimals
(one of 10,000 images is 0.01 %), losses at most 4. A single seed has no sd, and is shown with 1
decimal (3 for a loss).
"""

from __future__ import annotations

import difflib
import html
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from fitting_room.metrics import is_own, known

MISSING = "—"
NEVER = "∞"


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Mean over seeds."""

    mean: float
    sd: float | None
    """The sd between seeds, n − 1 degrees of freedom; None for one, whose scatter is unknown."""
    n: int
    values: tuple[float, ...]
    """The values in the order of the seeds."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate with the interval around it; its ends are infinite where nothing is known."""

    estimate: float
    low: float
    high: float


def is_accuracy(metric: str) -> bool:
    """Return whether a metric is a fraction between 0 and 1, shown in per cent."""
    return known(metric).format == "percent"


def name(metric: str) -> str:
    """Return a metric in words: ``test accuracy``."""
    return metric.replace("_", " ")


def listed(names: Sequence[str]) -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def number(value: float | None, places: int) -> str:
    """Return a number with so many decimals, or a dash."""
    return MISSING if value is None else f"{value:.{places}f}"


def percent(fraction: float | None, places: int = 2) -> str:
    """Return per cent without the sign, or a dash."""
    return number(None if fraction is None else 100 * fraction, places)


def two_digits(fraction: float) -> str:
    """Return per cent without the sign, with two digits that count: ``0.018``."""
    return f"{100 * fraction:.2g}"


def counted(number: float, noun: str) -> str:
    """Return ``1 seed`` or ``20 seeds``, and ``1.4 seeds`` of a mean."""
    return f"{number:,g} {noun}{'' if number == 1 else 's'}"


def count(value: float | None) -> str:
    """Return a whole number with thousands separators, or a dash."""
    return MISSING if value is None else f"{value:,.0f}"


def in_words(seconds: float) -> str:
    """Return a duration in seconds, or in minutes where it is long.

    >>> in_words(42), in_words(400)
    ('42 s', '7 min')
    """
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def spanned(counts: Iterable[float]) -> str:
    """Return ``10–20``, or ``10`` where all counts are that; at least one is needed."""
    found = [*counts]
    return "–".join(dict.fromkeys((whole(min(found)), whole(max(found)))))


def whole(value: float) -> str:
    """Return a count without decimals, or ∞."""
    return NEVER if math.isinf(value) else f"{value:g}"


def shown(metric: str, value: float) -> str:
    """Return a measured value as a person reads it: ``90.42 %``, ``0.2641``, ``243,786``."""
    kind = known(metric)
    if kind.format == "percent":
        return f"{100 * value:.2f} %"
    if kind.format == "decimals":
        return f"{value:.4f}{kind.suffix}"
    return f"{value:,.{0 if float(value).is_integer() else 1}f}{kind.suffix}"


def shown_limits(metric: str, limits: tuple[float, ...]) -> str:
    """Return one limit, or the two of a band, with every decimal that the file gives."""
    kind = known(metric)
    scaled = [kind.scale * limit for limit in limits]
    if math.inf in limits:
        return NEVER
    if kind.format == "number":
        ends = [f"{limit:,g}" if limit % 1 else f"{limit:,.0f}" for limit in scaled]
    else:
        fewest, most = (1, 4) if kind.format == "percent" else (3, 5)
        exact = (n for n in range(fewest, most) if all(abs(round(x, n) - x) < 1e-9 for x in scaled))
        places = next(exact, most)
        ends = [f"{x:.{places}f}" for x in scaled]
    return (" to " if min(scaled) < 0 else "–").join(ends) + kind.suffix


def shown_difference(metric: str, difference: float) -> str:
    """Return a signed difference: ``+1.10 points`` for an accuracy, ``-0.0120`` for a loss."""
    kind = known(metric)
    digits = {"percent": ".2f", "decimals": ".4f", "number": ",g"}[kind.format]
    return f"{kind.scale * difference:+{digits}}{kind.points}"


def decimals(spread: float | None, *, most: int, alone: int) -> int:
    """Return how many decimals a figure with that scatter deserves.

    The scatter keeps one significant digit, two where it begins with 1, and the figure ends where
    its scatter does; never beyond ``most``, and ``alone`` where no scatter is known.
    """
    if spread is None:
        return alone
    if spread <= 0:
        return most
    leading = math.floor(math.log10(spread))
    digits = 1 if spread / 10**leading < 2 else 0
    return min(max(digits - leading, 0), most)


def with_spread(found: Spread, *, scale: float = 1, most: int, alone: int) -> str:
    """Return ``87.23 ± 0.08 (20)``: mean, sd and number of seeds; ``87.2 (1)`` for a single one."""
    mean, sd = scale * found.mean, None if found.sd is None else scale * found.sd
    places = decimals(sd, most=most, alone=alone)
    spread = "" if sd is None else f" ± {sd:.{places}f}"
    return f"{mean:.{places}f}{spread} ({found.n})"


def in_unit(metric: str, found: Spread | None) -> str:
    """Return ``87.0 ± 0.5 (6)``, whose unit stands elsewhere, or a dash."""
    if found is None:
        return MISSING
    kind = known(metric)
    most, alone = {"percent": (2, 1), "decimals": (4, 3), "number": (3, 3)}[kind.format]
    return with_spread(found, scale=kind.scale, most=most, alone=alone)


accuracy, loss = partial(in_unit, "test_accuracy"), partial(in_unit, "test_loss")
"""The same in per cent, and in nats."""


def measured(metric: str, found: Spread | None) -> str:
    """Return ``87.0 ± 0.5 % (6)``: mean, sd and number of seeds."""
    if found is None:
        return ""
    return in_unit(metric, found).replace(" (", f"{known(metric).suffix} (")


def around(middle: float, low: float, high: float, unit: str = "") -> str:
    """Return ``31 s (23–40)``, as precise as half of what lies between the ends supports."""
    places = _places(high - low, most=2, alone=2)
    return f"{_end(middle, places)}{unit} ({_end(low, places)}–{_end(high, places)})"


def span(metric: str, found: Interval) -> str:
    """Return ``85.6–88.4 %``, with two digits of half of what lies between the ends."""
    kind = known(metric)
    low, high = kind.scale * found.low, kind.scale * found.high
    if kind.format == "percent":
        low, high = max(low, -math.inf if is_own(metric) else 0.0), min(high, 100.0)
    places = 1 if kind.format == "percent" else 3
    if 0 < high - low < math.inf:
        places = min(max(1 - math.floor(math.log10((high - low) / 2)), 0), 4)
    return f"{_end(low, places)}–{_end(high, places)}{kind.suffix}"


def signed(metric: str, found: Interval, *, alone: int = 1) -> str:
    """Return ``+2.6 (+1.9 to +3.2)``, accuracies in points.

    Where no ends are known there are none, and ``alone`` decimals.
    """
    scale = known(metric).scale
    middle, low, high = (scale * end for end in (found.estimate, found.low, found.high))
    places = _places(high - low, most=4, alone=alone)
    ends = f" ({plus(low, places)} to {plus(high, places)})"
    return plus(middle, places) + (ends if math.isfinite(low) else "")


def between(metric: str, estimates: Sequence[float]) -> str:
    """Return ``+0.9 to +3.2 points``: the lowest and the highest of several differences."""
    kind = known(metric)
    places = 1 if kind.format == "percent" else 3
    ends = dict.fromkeys(plus(kind.scale * x, places) for x in (min(estimates), max(estimates)))
    return " to ".join(ends) + kind.points


def epochs(found: Interval) -> str:
    """Return ``5–7`` or ``5``: the first and the last epoch."""
    return spanned((found.low, found.high))


def plus(value: float, places: int) -> str:
    """Return a number with its sign; that of a negative one is a minus, no hyphen."""
    return f"{value:+.{places}f}".replace("-", "−")


def _places(width: float, *, most: int, alone: int) -> int:
    """Return the decimals that half of an interval supports; none to go by gives ``alone``."""
    known = 0 < width < math.inf
    return decimals(width / 2 if known else None, most=most, alone=alone)


def _end(value: float, places: int) -> str:
    return NEVER if math.isinf(value) else f"{value:.{places}f}"


def difference(before: str, after: str, *, file: str) -> str:
    """Return the change as a unified diff, as ``git apply`` takes it; empty where there is none."""
    old, new = (text.splitlines(keepends=True) for text in (before, after))
    return "".join(difflib.unified_diff(old, new, f"a/{file}", f"b/{file}"))


_BREAKS = re.compile(r"\s*[\t-\r\x1c-\x1e\x85\u2028\u2029]\s*")
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, marks that turn the direction of reading, bytes that are no text."""
_HTML = re.compile(r"<(?=[A-Za-z/!?])(?!https?://[^\s<>]*>)")
"""The start of a possible tag or comment; the addresses of sources are none."""
_ENTITY = re.compile(r"&(?=#?\w+;)")
_SPAN = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_COMMAND = re.compile(r"^(\s*)(?=::)")


def one_line(text: str) -> str:
    """Return text in one line, its control characters spelled out as Python writes them."""
    return _visible(_BREAKS.sub(" ", text).strip())


def in_terminal(text: str) -> str:
    """Return text that a terminal shows and a job log takes for no command; it keeps its lines."""
    lines = re.split(r"\r\n|\r|\n", text)
    return "\n".join(
        _COMMAND.sub(r"\1\\", _visible(line.replace("\t", "    "))).replace("##[", r"#\#[")
        for line in lines
    )


def in_markdown(text: str) -> str:
    """Return one line that Markdown shows as it is, in a cell of a table as well."""
    return _prose(one_line(text), "`|")


def in_prose(text: str) -> str:
    """Return one line of Markdown in which only spans of code are markup; no cell of a table."""
    parts, end, line = [], 0, one_line(text)
    for found in _SPAN.finditer(line):
        parts += [_prose(line[end : found.start()]), found[0]]
        end = found.end()
    return "".join([*parts, _prose(line[end:])])


def in_code(text: str) -> str:
    """Return one line as a span of code of Markdown, in a cell of a table as well."""
    line = _before("|", one_line(text))
    ticks = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    space = " " if line[:1] == "`" or line[-1:] == "`" else ""
    return f"{ticks}{space}{line}{space}{ticks}"


def in_html(text: str) -> str:
    """Return one line that a page shows as it is, in an attribute as well."""
    return html.escape(one_line(text))


def _prose(text: str, marks: str = "`") -> str:
    return _HTML.sub("&lt;", _ENTITY.sub("&amp;", _before(marks, text)))


def _before(marks: str, text: str) -> str:
    """Put a backslash before each of ``marks``, and double those that already stand there."""
    return re.sub(rf"(\\*)([{marks}])", lambda found: rf"{found[1]}{found[1]}\{found[2]}", text)


def _visible(text: str) -> str:
    return _HIDDEN.sub(lambda found: ascii(found[0])[1:-1], text)
