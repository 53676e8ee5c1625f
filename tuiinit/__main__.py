"""`python -m tuiinit`, and the console script: ctrl+c is answered before anything else is loaded."""

from .host import interrupt


def main() -> None:
    """Run the command line."""
    interrupt.at_once()
    from .cli import main as run

    run()


if __name__ == "__main__":
    main()
