"""Who embeds what a run is to embed: this machine, or the nodes of a Ray cluster."""
