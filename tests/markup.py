"""Reads a page's HTML, and fails where a tag is not closed."""

import html.parser

VOID = {"meta", "img", "br", "link", "wbr", "hr", "input"}


class Balanced(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parsed(page):
    parser = Balanced()
    parser.feed(page)
    assert not parser.open
    return parser.seen
