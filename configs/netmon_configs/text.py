"""Text from elsewhere, made fit to be shown."""


def escape(text: str) -> str:
    """Text without control characters, direction marks or line ends: those are shown as `\\x1b`."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def excerpt(text: str, longest: int = 60) -> str:
    """Escaped text, cut with an ellipsis where it is longer."""
    shown = escape(text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"
