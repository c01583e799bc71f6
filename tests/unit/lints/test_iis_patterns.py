"""Patterns as IIS URL Rewrite matches them."""

from __future__ import annotations

import pytest

from feedsrv.lints.iis_patterns import BadPatternError, Captures, Matcher, count_groups, pattern_slips
from feedsrv.model.action import Syntax


def search(
    pattern: str, text: str, syntax: Syntax = Syntax.ECMASCRIPT, *, ignore_case: bool = True
) -> Captures | None:
    """Shorthand for one search."""
    return Matcher().search(pattern, syntax, text, ignore_case=ignore_case)


class TestEcmaScript:
    """Searched anywhere, unless anchored."""

    @pytest.mark.parametrize(
        ("pattern", "text", "captures"),
        [
            ("blog", "demo/blogger", ("blog",)),
            ("^blog$", "demo/blogger", None),
            ("", "anything", ("",)),
            (r"([0-9]+)/([a-z]+)\.html", "07/Article.html", ("07/Article.html", "07", "Article")),
            (r"^(www\.)(.*)$", "www.foo.com", ("www.foo.com", "www.", "foo.com")),
            ("(a)|(b)", "b", ("b", "", "b")),  # a group that took no part is empty
            (".*", "one\ntwo", ("one",)),  # a dot is no line break
            ("(?=.*b)(?=.*a)", "a b", ("",)),
            (r"ü(\w)", "Grüße ünd", ("ün", "n")),  # counted in characters, whatever the engine counts
            ("\N{GRINNING FACE}(.)", "a\N{GRINNING FACE}b", ("\N{GRINNING FACE}b", "b")),
        ],
    )
    def test_searching(self, pattern: str, text: str, captures: Captures | None) -> None:
        """What matches, and what each group captures."""
        assert search(pattern, text) == captures

    def test_case_is_ignored_only_where_asked(self) -> None:
        """As `ignoreCase` says."""
        assert search("PowerShell", "/powershell") == ("powershell",)
        assert search("PowerShell", "/powershell", ignore_case=False) is None

    @pytest.mark.parametrize("pattern", ["(", "a{2,1}", "[z-a]", "*a", "a++", "(?i)a", "(?#x)", "a)"])
    def test_what_does_not_compile_is_refused(self, pattern: str) -> None:
        """Python's or Perl's own inventions included."""
        with pytest.raises(BadPatternError, match="is no ECMAScript pattern"):
            search(pattern, "a")

        assert pattern_slips(pattern, Syntax.ECMASCRIPT)

    @pytest.mark.parametrize(
        ("pattern", "what"),
        [
            ("(?<=a)b", "lookbehind"),
            ("(?<!a)b", "lookbehind"),
            ("(?<name>a)", "a named group"),
            (r"\p{L}", "a Unicode property"),
        ],
    )
    def test_what_the_module_does_not_have_is_named(self, pattern: str, what: str) -> None:
        """It would compile here, and not on a server."""
        assert what in pattern_slips(pattern, Syntax.ECMASCRIPT)[0]

    @pytest.mark.parametrize("pattern", [".*", r"\(?<=", "[(?<=]", "(?=.*a)(?!.*b)", r"a\\.b", r"(?:a)\1"])
    def test_ordinary_patterns_have_no_slips(self, pattern: str) -> None:
        """Escaped and bracketed characters stand for themselves."""
        assert pattern_slips(pattern, Syntax.ECMASCRIPT) == ()


class TestWildcard:
    """Must match the whole; `*` captures, and nothing else is special."""

    @pytest.mark.parametrize(
        ("pattern", "text", "captures"),
        [
            ("blog", "blog", ("blog",)),
            ("blog", "blogger", None),
            ("*", "", ("", "")),
            ("*/*.html", "contoso/test.html", ("contoso/test.html", "contoso", "test")),
            ("*autodiscover*", "/AutoDiscover/x", ("/AutoDiscover/x", "/", "/x")),
            ("a.c", "abc", None),  # a dot is a dot
            ("a?c", "abc", None),  # the module's reference says otherwise; the module does not
            ("a?c", "a?c", ("a?c",)),
            ("(*)[+]{}^$|\\", "(x)[+]{}^$|\\", ("(x)[+]{}^$|\\", "x")),
            ("*", "one\ntwo", ("one\ntwo", "one\ntwo")),
        ],
    )
    def test_matching(self, pattern: str, text: str, captures: Captures | None) -> None:
        """The whole input, with what each star stood for."""
        assert search(pattern, text, Syntax.WILDCARD) == captures

    @pytest.mark.parametrize(
        "pattern", [r"autodiscover\.json", ".*autodiscover.*", "^owa", "owa$", "(?=.*a)", "a?"]
    )
    def test_a_regular_expression_in_disguise_is_named(self, pattern: str) -> None:
        """It would compile, and match next to nothing."""
        assert pattern_slips(pattern, Syntax.WILDCARD)

    @pytest.mark.parametrize("pattern", ["*", "*/powershell/*", "owa/*.aspx"])
    def test_ordinary_wildcards_have_no_slips(self, pattern: str) -> None:
        """Dots and brackets may be meant."""
        assert pattern_slips(pattern, Syntax.WILDCARD) == ()


class TestExactMatch:
    """Equal, and nothing else."""

    @pytest.mark.parametrize(
        ("text", "captures"),
        [("a.*", ("a.*",)), ("A.*", ("A.*",)), ("ab", None), ("xa.*", None), ("a.*x", None)],
    )
    def test_matching(self, text: str, captures: Captures | None) -> None:
        """No character is special; case is ignored where asked."""
        assert search("a.*", text, Syntax.EXACT) == captures

    def test_case_counts_where_asked(self) -> None:
        """As `ignoreCase` says."""
        assert search("a", "A", Syntax.EXACT, ignore_case=False) is None


class TestGroups:
    """Back-references are counted as the pattern captures them."""

    @pytest.mark.parametrize(
        ("pattern", "groups"),
        [("", 0), ("(a)(b(c))", 3), ("(?:a)(?=b)(?!c)", 0), (r"\((a)[(]", 1), (r"\\(a)", 1), ("(?<n>a)", 1)],
    )
    def test_counting(self, pattern: str, groups: int) -> None:
        """Only brackets that capture count."""
        assert count_groups(pattern, Syntax.ECMASCRIPT) == groups


def test_whoever_watches_hears_a_pattern_before_it_is_tried() -> None:
    """So that the one that never comes back can be named."""
    heard: list[tuple[str, str]] = []

    Matcher(lambda pattern, text: heard.append((pattern, text))).search(
        "a", Syntax.ECMASCRIPT, "b", ignore_case=True
    )

    assert heard == [("a", "b")]
