"""Iizuka, Simo-Serra and Ishikawa 2017, 'Globally and Locally Consistent Image Completion' (ACM TOG 36(4))."""
