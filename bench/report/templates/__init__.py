"""The page's templates; a package, so that they are installed with the code."""
