"""How long the harness's own parts take, next to libraries that do the same. One file for each subject."""
