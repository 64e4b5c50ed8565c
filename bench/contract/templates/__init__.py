"""What `new-paper` and `new-baseline` copy; a package, so that it is installed with the code.

The names `mykey` and `MyKey` become the new method's own.
"""
