"""How an environment is written down in a repository: read(Tree) -> EnvironmentSpec, and edits that keep every other byte."""
