"""`netmon config`: checks a configuration file, prints a commented one."""

from importlib import import_module, resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from netmon_cli import output
from netmon_cli.choices import Kind
from netmon_cli.failure import Exit, Failure
from netmon_configs.load import ConfigError, load, read
from netmon_configs.mistakes import Mistake
from netmon_configs.schema import Shape
from netmon_configs.tree import read_tree


def check(path: Path, kind: Kind | None, as_json: bool) -> Exit:
    """Tells whether the daemon would start with a file."""
    found: list[Mistake] = []
    try:
        text = read(path)
        kind = kind or guess(text, path)
        options = load(path, model_of(kind))
        if kind is Kind.COLLECTOR:
            check_alerting(options)
    except ConfigError as error:
        found = error.mistakes
    if as_json:
        mistakes = [{"line": one.line or None, "place": one.place, "text": one.text} for one in found]
        output.write_json({"file": str(path), "kind": kind, "fine": not found, "mistakes": mistakes})
    else:
        output.write_lines([output.escape(str(one)) for one in found] or [f"{output.escape(str(path))}: fine"])
    return Exit.USAGE if found else Exit.FINE


def check_alerting(options: Any) -> None:
    """Whether the file can be used that says who is told of alerts. Raises ConfigError."""
    from netmon_collector.alerts import configuration

    configuration.check_alerting(options.alerting.config_file)


def sample(kind: Kind) -> Exit:
    """Prints the file that stands for all defaults, with what each option means."""
    text = resources.files("netmon_configs").joinpath("samples", f"{kind}.yaml").read_text(encoding="utf-8")
    output.write_lines(text.splitlines())
    return Exit.FINE


def model_of(kind: Kind) -> type[BaseModel]:
    """The options of a daemon. Raises Failure where its part is not installed."""
    name = {Kind.AGENT: "AgentConfig", Kind.COLLECTOR: "CollectorConfig"}[kind]
    try:
        model: type[BaseModel] = getattr(import_module(f"netmon_{kind}.config"), name)
    except ImportError as error:
        raise Failure(
            Exit.USAGE,
            f"the {kind} is not installed here ({error})",
            f"Install it: pip install 'netmon[{kind}]'" if kind is Kind.COLLECTOR else "Install netmon again.",
        ) from None
    return model


def guess(text: str, path: Path) -> Kind:
    """Whose file this is: by its name, else by the options in it. Raises Failure where neither tells."""
    named = [kind for kind in Kind if kind in path.name.lower()]
    if len(named) == 1:
        return named[0]
    written = {str(key) for key in read_tree(text, str(path))[0].children}
    known = {kind: len(written.intersection(Shape.of(model_of(kind)).options())) for kind in Kind}
    best = max(known, key=lambda kind: known[kind])
    if list(known.values()).count(known[best]) > 1:
        raise Failure(Exit.USAGE, f"{path}: can't tell whose file this is", "Say it: --kind agent or --kind collector")
    return best
