#!/usr/bin/env python3
"""Takes the plots out of a report of `bot-client soak --html` or `bench --html`, as one SVG file.

    docs/pictures/plots.py soak.html docs/pictures/soak-one-hour.svg

The report itself is not kept in the repository: its tables stand in docs/, and the command beside them makes
it again. Needs Python 3.9 and no packages.
"""

import re
import sys

WIDTH, HEIGHT, TITLE, ROW, GAP = 912, 220, 42, 16, 10


def main():
    report, target = sys.argv[1:3]
    with open(report, encoding="utf-8") as file:
        html = file.read()
    # The colours of the report hold for the picture too, and follow the reader's light or dark theme.
    themes = re.findall(r":root \{([^}]*)\}", html)
    marks = re.findall(r"^(?:\.line|\.dot|\.grid|\.band|text).*$", html, re.M)
    figures = re.findall(
        r"<figure><figcaption>([^<\n]*)(.*?)</figcaption>\s*<svg[^>]*>(.*?)</svg>", html, re.S
    )
    body, top = [], 0
    for title, keys, plot in figures:
        legend, left, under = "", 56, top
        for series, name in re.findall(r'class="key (\w+)">([^<]*)<', keys):
            width = 40 + 7 * len(name)
            if left + width > WIDTH:
                left, under = 56, under + ROW
            legend += f'<path class="line {series}" d="M{left} {under + 32}h16"/>'
            legend += f'<text x="{left + 20}" y="{under + 36}">{name}</text>'
            left += width
        body.append(
            f'<text class="title" x="56" y="{top + 18}">{title.strip()}</text>{legend}\n'
            f'<g transform="translate(0 {under + TITLE})">{plot.strip()}</g>\n'
        )
        top = under + TITLE + HEIGHT + GAP
    height = top
    with open(target, "w", encoding="utf-8") as file:
        file.write(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">\n<style>\n'
            f":root {{{themes[0]}}}\n@media (prefers-color-scheme: dark) {{ :root {{{themes[1]}}} }}\n"
            + "\n".join(marks)
            + "\ntext { font-family: system-ui, sans-serif; } .title { fill: var(--ink); font-size: 13px;"
            " font-weight: 600; }\n</style>\n"
            '<rect width="100%" height="100%" fill="var(--page)"/>\n' + "".join(body) + "</svg>\n"
        )


if __name__ == "__main__":
    main()
