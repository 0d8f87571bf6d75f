"""``python -m devsecops_eda`` is ``devsecops-eda``."""

from devsecops_eda.cli import main

if __name__ == "__main__":
    main()
