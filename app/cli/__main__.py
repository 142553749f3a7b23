"""`python -m app.cli …`: the same as `figment …`, for `torchrun` and where nothing is installed."""

from app.cli import main

if __name__ == "__main__":
    main()
