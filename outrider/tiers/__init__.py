"""The tiers as processes. A file a tier: which settings concern it, what it opens, and in which order it closes."""
