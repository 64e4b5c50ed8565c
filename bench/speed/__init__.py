"""How long the harness's own parts take, beside the libraries that do the same. One file a subject."""
