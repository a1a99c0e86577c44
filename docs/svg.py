"""Terminal output with colours (standard input) to SVG (standard output): svg.py COLUMNS"""

import re
import sys
from html import escape

# The dark theme of no terminal in particular; dim and bold are drawn as such.
COLOURS = {"31": "#f47067", "32": "#57ab5a", "33": "#c69026", "36": "#39c5cf"}
WIDTH, HEIGHT, MARGIN = 8.4, 19, 16


def spans(line):
    """Pieces of a line, each with its column and style."""
    column, style = 0, []
    for piece in re.split(r"(\x1b\[[0-9;]*m)", line):
        if piece.startswith("\x1b["):
            for code in piece[2:-1].split(";"):
                style = [] if code in ("", "0", "39", "22") else style + [code]
        elif piece:
            yield column, style, piece
            column += len(piece)


def attributes(style):
    drawn = [f'fill="{COLOURS[code]}"' for code in style if code in COLOURS]
    drawn += ['font-weight="bold"'] if "1" in style else []
    drawn += ['opacity="0.6"'] if "2" in style else []
    return " ".join(drawn)


def main():
    columns = int(sys.argv[1])
    lines = sys.stdin.read().rstrip("\n").split("\n")
    width, height = columns * WIDTH + 2 * MARGIN, len(lines) * HEIGHT + 2 * MARGIN
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}">')
    print('<rect width="100%" height="100%" rx="8" fill="#1c2128"/>')
    print('<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#cdd9e5" xml:space="preserve">')
    for number, line in enumerate(lines):
        y = MARGIN + (number + 0.75) * HEIGHT
        for column, style, text in spans(line):
            if text.strip():
                x, length = MARGIN + column * WIDTH, len(text) * WIDTH
                print(f'<text x="{x:g}" y="{y:g}" textLength="{length:g}" {attributes(style)}>{escape(text)}</text>')
    print("</g>\n</svg>")


main()
