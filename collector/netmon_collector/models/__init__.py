"""Models of expressions: trained beside the collector, kept in versions, followed, and asked."""
