"""Go's text/template as rule packs use it in labels and annotations (https://pkg.go.dev/text/template)."""
