"""`python -m feedsrv` is the command `feedsrv`."""

from feedsrv.cli.main import main

if __name__ == "__main__":
    main()
