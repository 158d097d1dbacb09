"""SVG without what no eye sees, so that equal pictures are equal files, and small ones."""

from __future__ import annotations

import re

_LONG = re.compile(rb"(?<![\w.#])[1-9]\d*\.\d{3,}(?![\w.])")
"""Numbers from 1 up with digits beyond a hundredth of a point; smaller ones may be scales."""

_GLYPH = re.compile(rb'#DejaVuSans-(\S+)" transform="translate\((\S+) 0\)"/>')
"""A letter, and how far it stands to the right."""

_ALIKE = re.compile(rb'(<use [^>]+) style="([^"]+)"/>\n((?:<use [^>]+ style="\2"/>\n)+)')
"""Two marks or more that are drawn in the same way."""


def trimmed(svg: bytes) -> bytes:
    """Leave out indentation and needless digits, and say once what holds for many.

    Two machines may differ in the last digit of a logarithm, and should not in the file.
    """
    text = b"\n".join(line.strip() for line in svg.splitlines()) + b"\n"
    text = _LONG.sub(lambda found: b"%.2f" % float(found[0]), text)
    text = _GLYPH.sub(rb'#DejaVuSans-\1" x="\2"/>', text).replace(b"DejaVuSans-", b"g-")
    return _ALIKE.sub(_grouped, text)


def _grouped(found: re.Match[bytes]) -> bytes:
    first, style, others = found.groups()
    plain = others.replace(b' style="%s"' % style, b"")
    return b'<g style="%s">\n%s/>\n%s</g>\n' % (style, first, plain)
