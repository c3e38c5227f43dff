"""From bytes to pixels: files, archives, decoding, damage."""
