"""What the public surface is handed of its starter's environment."""

from __future__ import annotations

from pathlib import Path

from feedsrv.cli.serve import private_program, public_environment, public_program
from feedsrv.settings import Settings


def test_the_public_surface_is_handed_where_the_shelf_is_and_no_more(tmp_path: Path) -> None:
    """No setting of ours but two, nothing of a cloud's or a module's; what programs need to run stays."""
    starter = {
        "PATH": "/usr/bin",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "GUNICORN_CMD_ARGS": "--log-level warning",
        "FEEDSRV_DATABASE_URL": "postgresql://who:secret@db/feedsrv",
        "FEEDSRV_OIDC_CLIENT_SECRET_FILE": "/run/secret",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "PKCS11_PIN": "1234",
        "SSH_AUTH_SOCK": "/tmp/agent",
    }

    handed = public_environment(Settings(data=tmp_path, publisher="Contoso"), starter)

    assert handed == {
        "PATH": "/usr/bin",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "GUNICORN_CMD_ARGS": "--log-level warning",
        "FEEDSRV_SHELF": str(tmp_path / "shelf"),
        "FEEDSRV_PUBLISHER": "Contoso",
    }


def test_a_shelf_is_named_from_the_root_whatever_folder_the_starter_is_in() -> None:
    """A path that begins nowhere would be another folder in another process."""
    handed = public_environment(Settings(data=Path("data")), {})

    assert handed["FEEDSRV_SHELF"] == str(Path.cwd() / "data" / "shelf")


def test_only_the_private_surface_starts_with_everything(tmp_path: Path) -> None:
    """It needs the settings, and addresses that are long: a provider sends people back with a code."""
    settings = Settings(data=tmp_path, private_workers=3)

    assert public_program(settings).environment is not None
    private = private_program(settings)
    assert private.environment is None
    assert private.command[private.command.index("--workers") + 1] == "3"
    assert private.command[private.command.index("--limit-request-line") + 1] == "8190"
