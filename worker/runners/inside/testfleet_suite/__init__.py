"""What a suite's own Python process loads of ours: under a name that no suite uses, importing only its siblings."""
