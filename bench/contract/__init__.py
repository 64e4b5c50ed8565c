"""What a method and a paper.toml must keep to, as code that `check`, pytest and other people's packages run."""
