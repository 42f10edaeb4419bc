"""The page of the checks knows all of them, with all of their options, and so does the sample."""

import re
from typing import get_args

import pytest

from netmon_agent.config import AgentConfig
from netmon_agent.inputs.base import Input
from netmon_agent.inputs.checks.base import Check
from netmon_agent.inputs.registry import AnyInput
from netmon_configs.load import parse
from tests.packaging.pages import ROOT

PAGE = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
SAMPLE = (ROOT / "configs" / "netmon_configs" / "samples" / "agent.yaml").read_text(encoding="utf-8")
CHECKS = [one for one in get_args(get_args(AnyInput)[0]) if issubclass(one, Check)]
OF_ALL = {"type", "interval"}


def types_of(check: type[Input]) -> tuple[str, ...]:
    found: tuple[str, ...] = get_args(check.model_fields["type"].annotation)
    return found


def options_of(check: type[Input]) -> set[str]:
    return {field.alias or name for name, field in check.model_fields.items()} - OF_ALL


def section_of(kind: str) -> str:
    (section,) = [one for one in PAGE.split("\n## ")[1:] if kind in re.split(r", ", one.partition("\n")[0])]
    return section


@pytest.mark.parametrize("check", CHECKS, ids=lambda one: types_of(one)[0])
def test_every_option_is_on_the_page(check: type[Input]) -> None:
    for kind in types_of(check):
        section = section_of(kind)
        missing = {one for one in options_of(check) if not re.search(rf"`[^`]*\b{one}\b[^`]*`", section)}
        assert missing == set()


@pytest.mark.parametrize("check", CHECKS, ids=lambda one: types_of(one)[0])
def test_every_option_is_in_the_sample(check: type[Input]) -> None:
    entries = re.findall(r"^  # - type: (\w+)\n((?:  #   .*\n)*)", SAMPLE, re.MULTILINE)
    ((_, entry),) = [one for one in entries if one[0] in types_of(check)]
    told = set(re.findall(r"\b(\w+):", entry))
    assert options_of(check) - told == set()


def test_the_example_on_the_page_is_fine() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert len(parse(example, "agent.yaml", AgentConfig).inputs) == 3
