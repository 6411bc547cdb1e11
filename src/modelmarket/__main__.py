# SPDX-License-Identifier: Apache-2.0
"""`python -m modelmarket`: the same as `modelmarket`."""

from modelmarket.cli import main

if __name__ == "__main__":
    main()
