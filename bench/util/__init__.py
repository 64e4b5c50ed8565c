"""What every room stands on: error types, safe files, seeds, progress bars.

Nothing here knows of images, methods or papers, and nothing here imports torch.
"""
