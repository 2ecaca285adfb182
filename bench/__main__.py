"""`python -m bench`."""

import os
import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        # `-m` puts the working directory first, where any file may have the name of a library
        folder, home = sys.path.pop(0), os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        if os.path.abspath(folder) == home and home not in sys.path:
            sys.path.append(home)  # worker processes find bench there, and nothing else would
    from bench.cli import main

    main()
