"""The API with something of everything in it, for whoever must ask it from outside."""

from __future__ import annotations

from pathlib import Path

from tests.programs import Programs, said
from tests.publisher import written


def furnished(folder: Path) -> Programs:
    """Something published, something in review, a draft, and an approved revision."""
    programs = Programs.on_disk(folder)
    anna, ben, carl = (
        programs.client("anna", "author"),
        programs.client("ben", "reviewer"),
        programs.client("carl", "publisher"),
    )
    for mitigation_id in ("M0001", "M0002", "M0003", "M0004"):
        said(anna.send("/documents", written(mitigation_id)), 201)
    for mitigation_id in ("M0001", "M0002", "M0003"):
        said(anna.act(f"{mitigation_id}/submit"))
    for mitigation_id in ("M0001", "M0002"):
        digest = said(ben.get(f"/mitigations/{mitigation_id}"))["digest"]
        said(ben.act(f"{mitigation_id}/approve", {"digest": digest}))
        if mitigation_id == "M0001":
            said(carl.post("/publish"))
    return programs
