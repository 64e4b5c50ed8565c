"""inpaint-bench: which statements of an inpainting paper hold when they are measured."""

__version__ = "0.1.0"
