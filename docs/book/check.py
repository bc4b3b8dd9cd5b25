"""Checks that every link and anchor in the built book leads to a file or an element of it.

    python3 docs/book/check.py dist/docs
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.links = []
        self.ids = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("id", "name"):
                self.ids.add(value)
            elif name in ("href", "src") and value:
                self.links.append(value)


def main():
    root = Path(sys.argv[1]).resolve()
    # The links of 404.html depend on the address at which the book is served.
    pages = {path: Page(path) for path in root.rglob("*.html") if path.name != "404.html"}
    broken = []
    number = 0
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            number += 1
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                broken.append(f"{path.relative_to(root)}: {link}")
            # print.html has all pages in one, with the anchors of each.
            elif parts.fragment and target in pages and path.name != "print.html":
                if unquote(parts.fragment) not in pages[target].ids:
                    broken.append(f"{path.relative_to(root)}: {link}")
    for line in broken:
        print(line, file=sys.stderr)
    if broken or number < 100:
        sys.exit(f"{len(broken)} of {number} links are broken")
    print(f"{root}: {len(pages)} pages, {number} links lead somewhere")


main()
