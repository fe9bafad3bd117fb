"""The list of third-party licences names every package that the program runs on."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_required_package_is_in_the_list_of_licences() -> None:
    required = re.findall(r"^([A-Za-z][\w.-]*)", (ROOT / "requirements.in").read_text(), flags=re.MULTILINE)
    listed = re.findall(
        r"^\| ([\w.-]+) \|", (ROOT / "docs" / "third-party-licences.md").read_text(), flags=re.MULTILINE
    )
    assert len(required) > 10
    assert set(required) - set(listed) == set()
