"""`python -m bench`."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        folder = sys.path.pop(0)  # `-m` puts the working directory first, where any file may be named as a library is
        from pathlib import Path

        home = Path(__file__).resolve().parents[1]
        if folder and Path(folder).resolve() == home and str(home) not in sys.path:
            sys.path.append(str(home))  # worker processes find bench there, and perhaps nowhere else
    from bench.cli import main

    main()
