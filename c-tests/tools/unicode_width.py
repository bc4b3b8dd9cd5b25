"""Prints src/text/encoding/width.rs's two tables for the Unicode version of the `unicodedata2` module that is installed.

    pip install unicodedata2==16.0.0 && python3 unicode_width.py

The rules are those of libpq's own tables: no width for the general categories Mn, Me and Cf, two columns for the
East Asian widths W and F. A run goes on over code points that are not assigned (they have no line in UnicodeData.txt),
so that a few of those inside a run share its width.
"""

import unicodedata2 as ucd

LAST = 0x10FFFF


def assigned():
    """The code points that have a line in UnicodeData.txt: of the ranges given by their ends only the ends."""
    inside = [(0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xD800, 0xDFFF), (0xE000, 0xF8FF),
              (0x17000, 0x187F7), (0x18D00, 0x18D08), (0x20000, 0x3FFFF), (0xF0000, LAST)]
    for code in range(LAST + 1):
        if ucd.category(chr(code)) != "Cn" and not any(first < code < last for first, last in inside):
            yield code


def runs(points, wanted):
    """The runs of neighbours (in `points`) that are all wanted."""
    first = last = None
    for code in points:
        if wanted(chr(code)):
            first, last = (code if first is None else first), code
        elif first is not None:
            yield first, last
            first = None
    if first is not None:
        yield first, last


def wide():
    """As runs(), but broken at every code point that is not wide itself."""
    return runs(range(LAST + 1), lambda c: ucd.east_asian_width(c) in "WF")


def table(name, doc, ranges):
    ranges = list(ranges)
    print(f"/// {doc}\n#[rustfmt::skip]\npub static {name}: [(u32, u32); {len(ranges)}] = [")
    line = "   "
    for first, last in ranges:
        item = f" (0x{first:X}, 0x{last:X}),"
        if len(line) + len(item) > 120:
            print(line)
            line = "   "
        line += item
    print(line + "\n];\n")


if __name__ == "__main__":
    print(f"// Unicode {ucd.unidata_version}\n")
    table("NONSPACING", "Nonspacing, enclosing and format characters: no column.",
          runs(assigned(), lambda c: ucd.category(c) in ("Mn", "Me", "Cf")))
    table("WIDE", "East Asian wide and fullwidth characters: two columns.", wide())
