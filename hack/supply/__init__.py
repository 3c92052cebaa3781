"""What a release is made of: lists of parts, known holes in them, and bases that are pinned."""
