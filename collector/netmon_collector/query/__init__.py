"""Questions about samples: plain selectors, and later PromQL."""
