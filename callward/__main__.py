"""``python -m callward``."""

from callward.cli import main

if __name__ == "__main__":
    main()
