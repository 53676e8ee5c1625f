"""Put the key table of the action table into README.md, between its marks."""

from __future__ import annotations

from pathlib import Path

from tuiinit.session.actions import key_table

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- keys -->", "<!-- /keys -->"


def main() -> None:
    """Rewrite the table."""
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n{key_table()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
