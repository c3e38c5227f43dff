"""Where networks come from: the libraries, one file each, and networks of one's own."""
