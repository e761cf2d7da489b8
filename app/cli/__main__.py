"""``python -m app.cli`` is ``interlock``."""

from app.cli import main

if __name__ == "__main__":
    main()
