"""The walls of the house, and that what is written about it is true."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.documents import DOCS, refusals

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


def tool(*command: str) -> None:
    """Run a tool of the virtual environment over the whole tree; its findings are the failure."""
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_code_is_formatted() -> None:
    """Nobody reviews white space."""
    tool("ruff", "format", "--check", ".")


def test_code_passes_every_rule_that_is_not_ignored_with_a_reason() -> None:
    """Ruff runs with all its rules; the exceptions are in pyproject.toml, each with its reason."""
    tool("ruff", "check", ".")


def test_types_are_strict_in_code_and_tests() -> None:
    """`mypy --strict` finds nothing."""
    tool("mypy")


def test_imports_only_go_down() -> None:
    """The import contracts hold, and none is broken by an ignored import."""
    tool("lint-imports", "--no-cache")


def test_the_dockerfile_passes_its_linter() -> None:
    """The linter hadolint finds nothing, not even a matter of style."""
    tool("hadolint", "--failure-threshold", "style", "Dockerfile")


def test_every_ignored_rule_has_a_reason() -> None:
    """A rule in an ignore list stands on its own line with a comment that says why."""
    text = (ROOT / "pyproject.toml").read_text()
    lint = text.partition("[tool.ruff.lint]")[2].partition("[tool.ruff.lint.pydocstyle]")[0]

    bare = [line for line in lint.splitlines() if re.match(r'\s+"[A-Z]+[0-9]*",', line) and "#" not in line]

    assert bare == []


def test_no_exception_hides_without_a_code() -> None:
    """Each `noqa` and `type: ignore` names the rule it silences."""
    bare = re.compile(r"#\s*(noqa(?!: [A-Z])|type: ignore(?!\[))")

    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in ("feedsrv", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if bare.search(line)
    ]

    assert found == []


def test_reference_pages_are_what_the_code_says() -> None:
    """Settings, refusals and commands in docs/ are made from the code: `make docs` renews them."""
    # In a process of its own: a command that another test has called remembers how.
    tool("python", "-m", "tests.documents", "--check")


def test_refusal_codes_are_unique_and_stable_in_form() -> None:
    """Two refusals never share a code, so that a script knows which it met."""
    found: dict[str, str] = {}
    for refusal in refusals():
        assert re.fullmatch(r"[a-z]+(\.[a-z0-9_]+)*", refusal.code), refusal
        assert refusal.code not in found, f"{refusal.__name__} and {found[refusal.code]} share {refusal.code}"
        found[refusal.code] = refusal.__name__


def test_every_link_in_the_documents_leads_somewhere() -> None:
    """Relative links in README and docs/ name files that exist."""
    pages = [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "mitigations").glob("*.md")]
    relative = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")

    missing = [
        f"{page.relative_to(ROOT)} -> {link}"
        for page in pages
        for link in relative.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]

    assert missing == []


def test_debian_packages_of_ci_are_in_the_readme() -> None:
    """Whoever runs the tests learns from the README what they need."""
    packages = [
        line for line in (ROOT / ".ci/debian-packages").read_text().splitlines() if line and line[0] != "#"
    ]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert [package for package in packages if f"`{package}`" not in readme] == []
