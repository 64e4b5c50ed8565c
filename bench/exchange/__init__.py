"""Other tools: pictures and masks out as PNG files, completed pictures back in, checked and scored.

Nothing here fills a hole.
"""
