"""The page, its parts, its style sheet and the Markdown; a package, so that they are installed with the code."""
